//! A day of many mirrors on virtual time, each in a small world of its own: a cluster whose list changes, nodes
//! that fail in every way, and up to two more mirrors behind the first one.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

mod fleet_model;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use ccs_modules::mirror::{Config, Fetch, Freshness, Mirror, Outcome, Poll, Question, Timestamp};
use ccs_modules::upstream::Response;
use ccs_modules::{Snapshot, StoreError};
use fastrand::Rng;
use fleet_model::relayed;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The milliseconds that a response takes.
const LATENCY: u64 = 20;

/// The age below which a response without `cache-status` is fresh.
const FRESH_AGE: u64 = 5 * MINUTE;

/// The longest time for which a catalog answers while the cluster denies it.
const STALE_IF_DENIED: u64 = HOUR;

/// The behaviour of a node for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    Well,
    /// A cache without `cache-status` that is behind by so many seconds.
    Behind(u64),
    Refuses,
    Hangs,
    /// Every other connection is refused.
    Flaps,
    /// A status that is a failure.
    Fails(u16),
    /// A status that denies the list.
    Denies(u16),
    /// A status, and a `retry-after` in seconds.
    Busy(u16, u64),
    /// A list without modules.
    Empty,
    /// A body that is no list.
    Garbage,
}

fn behaviour(random: &mut Rng) -> Behaviour {
    match random.u8(0..20) {
        0..8 => Behaviour::Well,
        8..10 => Behaviour::Behind(random.u64(0..7_200)),
        10 => Behaviour::Refuses,
        11 => Behaviour::Hangs,
        12 => Behaviour::Flaps,
        13 => Behaviour::Fails([404, 429, 500, 502, 503, 504][random.usize(0..6)]),
        14..17 => Behaviour::Denies([307, 401, 403, 410][random.usize(0..4)]),
        17 => Behaviour::Busy([429, 503][random.usize(0..2)], random.u64(0..3_600)),
        18 => Behaviour::Empty,
        _ => Behaviour::Garbage,
    }
}

/// A cluster, its nodes, and the mirrors in front of it, each behind the one before.
struct World {
    random: Rng,
    /// The moments at which the list changes to the version of this index.
    changes: Vec<u64>,
    /// The behaviours of each node, with their ends.
    nodes: Vec<Vec<(u64, Behaviour)>>,
    links: Vec<Link>,
    flaps: bool,
}

/// A mirror of the chain.
struct Link {
    mirror: Mirror,
    config: Config,
    /// The moments at which the cluster refused the credentials.
    refused: Vec<u64>,
    /// The moments of the requests.
    not_before: Vec<u64>,
    /// Whether the cluster has denied the list since the last success.
    is_denied: bool,
    /// Whether a list has come.
    has_list: bool,
    /// The longest time that a list that is labelled as fresh may be behind.
    fresh: u64,
}

/// The figures of all worlds.
#[derive(Debug, Default)]
struct Figures {
    fetches: u64,
    answers: u64,
    older_than_promised: u64,
    labelled_fresh: u64,
    falsely_fresh: u64,
    refused: u64,
    knocks: u64,
    asked_too_early: u64,
    unavailable: u64,
    needlessly_unavailable: u64,
}

impl World {
    fn new(seed: u64, refreshes: &[u64]) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut changes = vec![0];
        while *changes.last().unwrap() < DAY {
            let last = *changes.last().unwrap();
            changes.push(last + random.u64(SECOND..4 * HOUR));
        }

        let phases = |random: &mut Rng| {
            let mut phases: Vec<(u64, Behaviour)> = Vec::new();
            while phases.last().is_none_or(|(end, _)| *end < DAY) {
                let begin = phases.last().map_or(0, |(end, _)| *end);
                let longest = [MINUTE, 10 * MINUTE, HOUR, 4 * HOUR][random.usize(0..4)];
                phases.push((begin + random.u64(SECOND..longest), behaviour(random)));
            }
            phases
        };
        let nodes: Vec<_> = (0..random.usize(1..4)).map(|_| phases(&mut random)).collect();

        let mut fresh = FRESH_AGE;
        let links = (0..random.u64(1..4)).map(|index| {
            let refresh = refreshes[random.usize(0..refreshes.len())];
            let stale_if_error = refresh * [1, 2, 20, 2_000][random.usize(0..4)];
            let nodes = if index == 0 { nodes.len() } else { 1 };
            let urls: Vec<_> = (0..nodes).map(|node| format!("\"https://node{node}\"")).collect();
            let text = format!(
                r#"{{"nodes":[{}],"refresh_ms":{refresh},"stale_if_error_ms":{stale_if_error}}}"#,
                urls.join(","),
            );
            let config = Config::parse(text.as_bytes()).unwrap();
            fresh += 2 * refresh;
            Link {
                mirror: Mirror::new(config.clone(), seed * 4 + index),
                config,
                refused: Vec::new(),
                not_before: vec![0; nodes],
                is_denied: false,
                has_list: false,
                fresh,
            }
        });
        let links = links.collect();
        Self { random, changes, nodes, links, flaps: false }
    }

    /// Runs the day.
    fn run(mut self, figures: &mut Figures) {
        let mut due: BinaryHeap<_> = (0..self.links.len()).map(|link| Reverse((0, link))).collect();
        let mut check = 0;
        while let Some(Reverse((now, link))) = due.pop()
            && now < DAY
        {
            while check <= now {
                self.check(check, figures);
                check += 5 * MINUTE;
            }
            // Just before a mirror asks, its list is the oldest.
            self.check(now, figures);
            if self.random.u16(..) < 20 {
                self.restart(now, link);
            }
            due.push(Reverse((self.step(now, link, figures), link)));
        }
    }

    /// Does the next thing of a mirror. Returns the moment of the thing after it.
    fn step(&mut self, now: u64, link: usize, figures: &mut Figures) -> u64 {
        let fetch = match self.links[link].mirror.poll(Timestamp(now)) {
            Poll::Wait { until } => return until.0,
            Poll::Fetch(fetch) => fetch,
        };
        figures.fetches += 1;
        let Fetch { id, question: Question::Request(request), .. } = fetch else {
            panic!("{fetch:?}")
        };
        let node = request.node;
        let (response, behaviour) = match link {
            0 => self.answer(now, node, &request.headers),
            _ => {
                let response = relayed(&self.links[link - 1].mirror, now, &request);
                (Some(response), Behaviour::Well)
            }
        };

        let link = &mut self.links[link];
        figures.asked_too_early += u64::from(now < link.not_before[node]);
        if behaviour == Behaviour::Hangs {
            return now + 1;
        }
        let after = now + LATENCY;
        let outcome = match response {
            Some(response) => link.mirror.answered(Timestamp(after), id, response),
            None => {
                let error = StoreError::Unavailable("connection refused".into());
                link.mirror.failed(Timestamp(after), id, error)
            }
        };
        match (outcome, behaviour) {
            (Outcome::Changed(_) | Outcome::Unchanged, _) => {
                (link.is_denied, link.has_list) = (false, true);
            }
            (Outcome::Failed(_), Behaviour::Denies(status)) => {
                link.is_denied = true;
                if matches!(status, 401 | 403) {
                    link.refused.push(now);
                    figures.refused += 1;
                    if let [.., first, _, last] = link.refused[..] {
                        figures.knocks += u64::from(last - first < 15 * MINUTE);
                    }
                }
            }
            (Outcome::Failed(_), Behaviour::Busy(_, seconds)) => {
                let wait = (seconds * SECOND).min(15 * MINUTE);
                let left = link.left(after).unwrap_or(DAY);
                link.not_before[node] = after + wait.min(left);
            }
            (Outcome::Failed(_), _) => {}
            (outcome, behaviour) => panic!("{outcome:?} of {behaviour:?}"),
        }
        after
    }

    /// Returns the answer of a node, and its behaviour.
    fn answer(
        &mut self,
        now: u64,
        node: usize,
        headers: &[(String, String)],
    ) -> (Option<Response>, Behaviour) {
        let phase = self.nodes[node].iter().find(|(end, _)| now < *end);
        let mut behaviour = phase.map_or(Behaviour::Well, |(_, behaviour)| *behaviour);
        // All nodes have the same accounts.
        let mut others =
            self.nodes.iter().filter_map(|node| node.iter().find(|(end, _)| now < *end));
        if let Some((_, denies)) =
            others.find(|(_, other)| matches!(other, Behaviour::Denies(401 | 403)))
        {
            behaviour = *denies;
        }
        let response = |status, fields: &[(&str, String)], body: &str| {
            let fields =
                fields.iter().map(|(name, value)| (name.to_string(), value.clone().into()));
            Some(Response { status, headers: fields.collect(), body: body.into() })
        };
        let answer = match behaviour {
            Behaviour::Flaps => {
                self.flaps = !self.flaps;
                if self.flaps { self.list(now, 0, headers) } else { None }
            }
            Behaviour::Well => self.list(now, 0, headers),
            Behaviour::Behind(seconds) => self.list(now, seconds, headers),
            Behaviour::Refuses | Behaviour::Hangs => None,
            Behaviour::Fails(status) => response(status, &[], "<html>"),
            Behaviour::Denies(status) => {
                response(status, &[("location", "https://elsewhere/".into())], "")
            }
            Behaviour::Busy(status, seconds) => {
                response(status, &[("retry-after", seconds.to_string())], "")
            }
            Behaviour::Empty => response(200, &[], "[]\n"),
            Behaviour::Garbage => response(200, &[], "<html>"),
        };
        (answer, behaviour)
    }

    /// Returns the list of so many seconds ago, with its age.
    fn list(&self, now: u64, seconds: u64, headers: &[(String, String)]) -> Option<Response> {
        let moment = now.saturating_sub(seconds * SECOND);
        let version = self.changes.partition_point(|change| *change <= moment) - 1;
        let tag = format!("\"{version}\"");
        let age = ((now - moment).div_ceil(SECOND)).to_string();
        let fields = [("etag", &tag), ("age", &age)]
            .map(|(name, value)| (name.to_string(), value.clone().into_bytes()));
        let known = headers.iter().any(|(name, value)| name == "if-none-match" && *value == tag);
        let body = format!("[{{\"uid\":\"a\",\"version\":{version}}}]\n");
        Some(match known {
            true => Response { status: 304, headers: fields.into(), body: Vec::new() },
            false => Response { status: 200, headers: fields.into(), body: body.into_bytes() },
        })
    }

    /// Restarts a mirror from what it saved.
    fn restart(&mut self, now: u64, link: usize) {
        let link = &mut self.links[link];
        let saved = link.mirror.reader().save(Timestamp(now));
        link.mirror = Mirror::new(link.config.clone(), now);
        link.has_list = saved.is_some();
        if let Some(saved) = saved {
            link.mirror.restore(Timestamp(now), saved).unwrap();
        }
        // Nobody but the mirror knew this.
        link.refused.clear();
        link.not_before.fill(0);
        link.is_denied = false;
    }

    /// Checks what each mirror would answer now.
    fn check(&self, now: u64, figures: &mut Figures) {
        for (link, hop) in self.links.iter().zip(0..) {
            let view = match link.mirror.reader().view(Timestamp(now)) {
                Ok(view) => view,
                Err(_) => {
                    figures.unavailable += 1;
                    figures.needlessly_unavailable += u64::from(link.left(now).is_some());
                    continue;
                }
            };
            figures.answers += 1;
            // A relay cuts the fraction of a second from its age.
            let behind = self.behind(now, view.snapshot).saturating_sub(hop * SECOND + LATENCY);
            let age = milliseconds(view.age.unwrap());
            let is_too_old = age > link.greatest_age();
            figures.older_than_promised += u64::from(behind > age || is_too_old);
            if matches!(view.freshness, Freshness::Fresh { .. }) {
                figures.labelled_fresh += 1;
                figures.falsely_fresh += u64::from(behind > link.fresh);
            }
        }
    }

    /// Returns the time since a list was last the cluster's. An empty list may be the first one.
    fn behind(&self, now: u64, snapshot: &Snapshot) -> u64 {
        let Some(document) = snapshot.document("a") else { return 0 };
        let text = str::from_utf8(document).unwrap();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let version: usize = digits.parse().unwrap();
        now.saturating_sub(self.changes[version + 1])
    }
}

impl Link {
    /// Returns the greatest age of a list that may answer.
    fn greatest_age(&self) -> u64 {
        let stale_if_error = milliseconds(self.config.stale_if_error());
        if self.is_denied { stale_if_error.min(STALE_IF_DENIED) } else { stale_if_error }
    }

    /// Returns the time for which the list may answer.
    fn left(&self, now: u64) -> Option<u64> {
        let age = self.mirror.reader().status(Timestamp(now)).age.filter(|_| self.has_list)?;
        self.greatest_age().checked_sub(milliseconds(age))
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[test]
fn a_day_of_many_mirrors_keeps_every_promise() {
    // With `CCS_MODULES_LONG` they ask as often as they do by default.
    let refreshes: &[u64] = match std::env::var_os("CCS_MODULES_LONG") {
        Some(_) => &[30 * SECOND, MINUTE],
        None => &[10 * MINUTE, 30 * MINUTE, HOUR],
    };
    let mut figures = Figures::default();
    for seed in 0..1_000 {
        World::new(seed, refreshes).run(&mut figures);
    }
    println!("{figures:?}");
    let Figures { older_than_promised, falsely_fresh, knocks, .. } = figures;
    let Figures { asked_too_early, needlessly_unavailable, .. } = figures;
    assert_eq!((older_than_promised, falsely_fresh), (0, 0), "{figures:?}");
    assert_eq!((knocks, asked_too_early, needlessly_unavailable), (0, 0, 0), "{figures:?}");
    assert!(figures.labelled_fresh > 0 && figures.refused > 0 && figures.unavailable > 0);
}

/// One fetch of three is lost, and the list may answer for no longer than one refresh interval.
#[test]
fn no_lost_packet_makes_a_mirror_unavailable() {
    for seed in 0..200 {
        let text = br#"{"nodes":["https://node0"],"stale_if_error_ms":30000}"#;
        let mut mirror = Mirror::new(Config::parse(text).unwrap(), seed);
        let (mut now, mut nth, mut lost) = (0, 0_u64, 0);
        while now < HOUR {
            match mirror.poll(Timestamp(now)) {
                Poll::Wait { until } => now = until.0,
                Poll::Fetch(Fetch { id, .. }) => {
                    let view = mirror.reader().view(Timestamp(now));
                    assert!(nth == 0 || view.is_ok(), "seed {seed}, at {now}: {view:?}");
                    nth += 1;
                    now += LATENCY;
                    if nth % 3 == seed % 3 && nth > 1 {
                        lost += 1;
                        let error = StoreError::Unavailable("reset".into());
                        mirror.failed(Timestamp(now), id, error);
                    } else {
                        let body = br#"[{"uid":"a"}]"#.to_vec();
                        let response = Response { status: 200, headers: vec![], body };
                        mirror.answered(Timestamp(now), id, response);
                    }
                }
            }
        }
        assert!(lost > 30, "{lost}");
    }
}
