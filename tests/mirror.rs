//! Mirrors against a small reference model, over long random schedules.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

use std::time::Duration;

use ccs_modules::access::Caller;
use ccs_modules::mirror::{
    Config, Fetch, FetchId, Freshness, Mirror, Outcome, Poll, Question, Stored, Timestamp,
};
use ccs_modules::upstream::Response;
use ccs_modules::{Error, StoreError, rest};
use proptest::collection::vec;
use proptest::prelude::*;

const NODES: [&str; 2] = ["http://node1:8080", "https://node2"];
const REFRESH: u64 = 1_000;
const STALE_IF_ERROR: u64 = 10_000;
const STALE_IF_DENIED: u64 = 4_000;
const FRESH_AGE: u64 = 6_000;
const TIMEOUT: u64 = 300;
const MINUTE: u64 = 60_000;
const SECRETS: [&str; 3] = ["ann", "secret", "YW5uOnNlY3JldA=="];

/// A thing that the host does, or that happens to it.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes.
    Pass(u64),
    /// The host waits until the moment that it was told.
    Wait,
    /// The host's clock goes back.
    GoBack(u64),
    /// A response to the outstanding fetch, or to one that was given up.
    Answer(Kind, bool),
    /// The host says that there is no response.
    Fail(bool),
    /// The catalog at the upstream changes.
    Change,
    /// The host stops, and starts again with what it saved, by a clock that may be behind.
    Restart { is_behind: bool },
    /// The host has new credentials.
    Renew,
}

/// The source of the catalog.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Cluster,
    Store,
}

/// A kind of answer. A store answers as close to it as it can.
#[derive(Clone, Debug)]
enum Kind {
    Whole,
    Tagged,
    /// 304 where the request has an entity tag, else the list.
    Unchanged,
    /// 304, whatever the request has.
    Unasked,
    Malformed,
    Truncated,
    Status(u16),
    /// A 404 of the API.
    NoList,
    /// A 503 or a 429 with a `retry-after` in seconds.
    Busy(u16, u64),
    Redirect(&'static str),
    /// The list through a relay, or the one before it, of this age in seconds, and whether its
    /// `cache-status` reports that it was fresh. Some relays report what is not so.
    Relayed {
        is_last: bool,
        age: u64,
        is_fresh: Option<bool>,
    },
    Empty,
    TooLong,
    /// The answer of the other kind of source.
    OfTheOther,
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => Just(Kind::Whole),
        4 => Just(Kind::Tagged),
        4 => Just(Kind::Unchanged),
        1 => Just(Kind::Unasked),
        1 => Just(Kind::Malformed),
        1 => Just(Kind::Truncated),
        2 => prop::sample::select(vec![401, 403, 404, 410, 429, 500, 503]).prop_map(Kind::Status),
        1 => Just(Kind::NoList),
        1 => (prop_oneof![Just(429), Just(503)], 0..2_000_u64)
            .prop_map(|(status, seconds)| Kind::Busy(status, seconds)),
        1 => prop_oneof![
            Just("https://node2/v1/modules"),
            Just("http://NODE1:8080/v1/modules?x"),
            Just("/v2/modules"),
            Just("https://evil/v1/modules"),
            Just("https://ann:secret@evil/"),
        ]
        .prop_map(Kind::Redirect),
        3 => (prop::bool::weighted(0.7), 0..13_u64, any::<Option<bool>>())
            .prop_map(|(is_last, age, is_fresh)| Kind::Relayed { is_last, age, is_fresh }),
        1 => Just(Kind::Empty),
        1 => Just(Kind::TooLong),
        1 => Just(Kind::OfTheOther),
    ];
    prop_oneof![
        4 => (0..400_u64).prop_map(Event::Pass),
        6 => Just(Event::Wait),
        1 => (0..12_000_u64).prop_map(Event::Pass),
        1 => (0..5_000_u64).prop_map(Event::GoBack),
        10 => (kind, prop::bool::weighted(0.95)).prop_map(|(kind, current)| Event::Answer(kind, current)),
        2 => prop::bool::weighted(0.9).prop_map(Event::Fail),
        2 => Just(Event::Change),
        1 => prop::bool::weighted(0.2).prop_map(|is_behind| Event::Restart { is_behind }),
        1 => Just(Event::Renew),
    ]
}

/// The mirror, the host around it, and what must be true of them.
struct Model {
    source: Source,
    mirror: Mirror,
    now: u64,
    /// The true time, which does not go back.
    time: u64,
    /// The version of the catalog at the upstream.
    version: u64,
    /// The fetch that the mirror waits for, and the true time it was sent.
    outstanding: Option<(Fetch, u64)>,
    given_up: Option<FetchId>,
    kept: Option<Kept>,
    /// The last failure, if nothing has succeeded since.
    failure: Option<Error>,
    /// Whether the cluster has denied the list since the last success.
    is_denied: bool,
    /// The true times at which the credentials in use were refused.
    refused: Vec<u64>,
    /// The true times before which the nodes asked not to be asked.
    not_before: [u64; NODES.len()],
    until: u64,
}

/// The list that the mirror keeps, as the model knows it.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// The version; `None` is the empty list.
    version: Option<u64>,
    /// The true time at which it was the upstream's.
    date: u64,
    /// Whether the date is known.
    is_dated: bool,
    /// The true time since which it was not validated again.
    validated: u64,
    /// Whether it was fresh when it came.
    is_fresh: bool,
}

impl Model {
    fn new(source: Source) -> Self {
        Self {
            source,
            mirror: mirror(source, 1),
            now: 1_000_000,
            time: 1_000_000,
            version: 1,
            outstanding: None,
            given_up: None,
            kept: None,
            failure: None,
            is_denied: false,
            refused: Vec::new(),
            not_before: [0; NODES.len()],
            until: 1_000_000,
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Pass(ms) => self.pass(ms),
            Event::Wait => self.pass(self.until.saturating_sub(self.now)),
            Event::GoBack(ms) => self.now = self.now.saturating_sub(ms),
            Event::Answer(kind, current) => self.answer(&kind, current),
            Event::Fail(current) => {
                let Some((id, _, _)) = self.take(current) else { return };
                let error = StoreError::Unavailable("reset".into());
                let outcome = self.mirror.failed(Timestamp(self.now), id, error);
                assert_eq!(matches!(outcome, Outcome::Failed(_)), current, "{outcome:?}");
                self.ended(&outcome, false);
            }
            Event::Change => self.version += 1,
            Event::Restart { is_behind } => self.restart(is_behind),
            Event::Renew => {
                self.mirror.renew(Timestamp(self.now));
                self.refused.clear();
            }
        }
        self.poll();
        self.check();
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.time += ms;
    }

    /// The number of the outstanding fetch, or of the one given up last.
    fn take(&mut self, current: bool) -> Option<(FetchId, Option<Fetch>, u64)> {
        if current {
            let (fetch, sent) = self.outstanding.take()?;
            return Some((fetch.id, Some(fetch), sent));
        }
        Some((self.given_up?, None, 0))
    }

    fn answer(&mut self, kind: &Kind, current: bool) {
        let Some((id, fetch, sent)) = self.take(current) else { return };
        let question = fetch.map(|fetch| fetch.question);
        let node = match &question {
            Some(Question::Request(request)) => request.node,
            _ => 0,
        };
        let (outcome, good) = match (self.source, kind) {
            (Source::Cluster, Kind::OfTheOther) => {
                (self.mirror.stored(Timestamp(self.now), id, Stored::Unchanged), false)
            }
            (Source::Store, Kind::OfTheOther) => {
                let response = response(200, &[], &list(Some(self.version)));
                (self.mirror.answered(Timestamp(self.now), id, response), false)
            }
            (Source::Cluster, kind) => {
                let (outcome, good) = self.answer_of_cluster(kind, id, question);
                (outcome, good && self.may_replace(kind, sent))
            }
            (Source::Store, kind) => self.answer_of_store(kind, id, question),
        };

        self.ended(&outcome, self.source == Source::Cluster && is_denial(kind));
        match outcome {
            Outcome::Late => assert!(!current),
            Outcome::Changed(_) | Outcome::Unchanged => {
                assert!(current && good);
                let (version, mut date) = (self.given(kind), sent - age(kind));
                let same = self.kept.filter(|kept| kept.version == version);
                assert_eq!(same.is_some(), outcome == Outcome::Unchanged);
                let dated = same.filter(|kept| kept.is_dated);
                date = date.max(dated.map_or(0, |kept| kept.date));
                let is_fresh = match kind {
                    Kind::Relayed { is_fresh: Some(is_fresh), .. } => *is_fresh,
                    kind => age(kind) < FRESH_AGE,
                };
                self.kept = Some(Kept { version, date, is_dated: true, validated: sent, is_fresh });
            }
            Outcome::Failed(_) => {
                assert!(current);
                assert!(!good || matches!(kind, Kind::Redirect(_)));
                match kind {
                    Kind::Status(401 | 403) if self.source == Source::Cluster => {
                        self.refused.push(self.time);
                    }
                    Kind::Busy(_, seconds) if self.source == Source::Cluster => {
                        let wait = (seconds * 1_000).min(15 * MINUTE);
                        let end = self.end().filter(|end| *end >= self.time);
                        let until = self.time + wait;
                        self.not_before[node] = end.map_or(until, |end| until.min(end));
                    }
                    _ => {}
                }
            }
            Outcome::Redirected => assert!(matches!(kind, Kind::Redirect(_))),
            outcome => panic!("{outcome:?}"),
        }
    }

    /// The version of the list that is given.
    fn given(&self, kind: &Kind) -> Option<u64> {
        match kind {
            Kind::Empty => None,
            Kind::Relayed { is_last: false, .. } => Some(self.version - 1),
            _ => Some(self.version),
        }
    }

    /// Whether an answer of a cluster may be kept.
    fn may_replace(&self, kind: &Kind, sent: u64) -> bool {
        let is_worse = |kept: Kept| {
            let is_older = sent.saturating_sub(age(kind)) + 2_000 < kept.date;
            let is_empty = self.given(kind).is_none();
            kept.version != self.given(kind) && (kept.is_dated && is_older || is_empty)
        };
        age(kind) <= STALE_IF_ERROR && !self.kept.is_some_and(is_worse)
    }

    /// The true time up to which the list may answer.
    fn end(&self) -> Option<u64> {
        let limit = if self.is_denied { STALE_IF_DENIED } else { STALE_IF_ERROR };
        Some(self.kept?.date + limit)
    }

    /// Gives the answer of a cluster. Returns the outcome, and whether the answer was a catalog.
    fn answer_of_cluster(
        &mut self,
        kind: &Kind,
        id: FetchId,
        question: Option<Question>,
    ) -> (Outcome, bool) {
        let request = match question {
            Some(Question::Request(request)) => Some(request),
            Some(question) => panic!("{question:?}"),
            None => None,
        };
        // The second node counts from another number, so that a tag of one is wrong at the other.
        let node = request.as_ref().map_or(0, |request| request.node as u64);
        let tag = format!("\"{}\"", self.version + 1 - node);
        let asked = request.is_some_and(|request| {
            let mut headers = request.headers.iter();
            headers.any(|(name, value)| name == "if-none-match" && *value == tag)
        });
        let list = list(self.given(kind));
        let seconds;
        let age_field = age(kind) / 1_000;
        let age_field = age_field.to_string();
        let response = match kind {
            Kind::Unchanged if asked => response(304, &[], ""),
            Kind::Whole => response(200, &[], &list),
            Kind::Tagged | Kind::Unchanged => response(200, &[("etag", &tag)], &list),
            // To a request with a tag this is the truth only where the tag is the right one.
            Kind::Unasked if asked => response(304, &[], ""),
            Kind::Unasked => response(500, &[], ""),
            Kind::Malformed | Kind::OfTheOther => response(200, &[], DUPLICATE),
            Kind::Truncated => response(200, &[], &list[..list.len() - 3]),
            Kind::Status(status) => response(*status, &[], &list),
            Kind::NoList => response(404, &[], r#"{"description":"","error_code":"not_found"}"#),
            Kind::Busy(status, wait) => {
                seconds = wait.to_string();
                response(*status, &[("retry-after", &seconds)], "")
            }
            Kind::Redirect(location) => response(307, &[("location", location)], ""),
            Kind::Relayed { is_fresh, .. } => {
                let cache_status = match is_fresh {
                    None => ("x-none", ""),
                    Some(true) => ("cache-status", "relay; hit; ttl=0"),
                    Some(false) => ("cache-status", "relay; hit; ttl=-1; detail=\"late\""),
                };
                response(200, &[("age", &age_field), cache_status], &list)
            }
            Kind::Empty => response(200, &[], &list),
            Kind::TooLong => response(200, &[], &format!("{list}{}", " ".repeat(200))),
        };
        let good = matches!(response.status, 200 | 304)
            && !matches!(kind, Kind::Malformed | Kind::Truncated | Kind::TooLong);
        (self.mirror.answered(Timestamp(self.now), id, response), good)
    }

    /// Gives the answer of a store. Returns the outcome, and whether the answer was a catalog.
    fn answer_of_store(
        &mut self,
        kind: &Kind,
        id: FetchId,
        question: Option<Question>,
    ) -> (Outcome, bool) {
        let unless = match question {
            Some(Question::Documents { unless }) => unless,
            Some(question) => panic!("{question:?}"),
            None => None,
        };
        let version = Some(self.version.to_string());
        let body = list(self.given(kind));
        let now = Timestamp(self.now);
        let documents = |documents: &str, version| {
            let documents = ccs_modules::body::split(documents.as_bytes()).unwrap();
            let documents = documents.into_iter().map(<[u8]>::to_vec).collect();
            Stored::Documents { documents, version }
        };
        let stored = match kind {
            Kind::Unchanged | Kind::Unasked if unless == version => Stored::Unchanged,
            Kind::Whole => Stored::Body { body: body.into(), version },
            Kind::Tagged | Kind::Unchanged => documents(&body, version),
            Kind::Malformed | Kind::OfTheOther => documents(DUPLICATE, None),
            Kind::Truncated => Stored::Body { body: body[..body.len() - 3].into(), version },
            Kind::Empty => Stored::Body { body: body.into(), version: None },
            Kind::Status(401) => return (self.mirror.failed(now, id, denied()), false),
            Kind::Unasked
            | Kind::Status(_)
            | Kind::NoList
            | Kind::Busy(..)
            | Kind::Redirect(_)
            | Kind::Relayed { .. } => {
                return (
                    self.mirror.failed(now, id, StoreError::Unavailable("down".into())),
                    false,
                );
            }
            Kind::TooLong => {
                return (self.mirror.failed(now, id, StoreError::TooLong("long".into())), false);
            }
        };
        let good = !matches!(kind, Kind::Malformed | Kind::Truncated | Kind::OfTheOther);
        (self.mirror.stored(now, id, stored), good)
    }

    fn ended(&mut self, outcome: &Outcome, is_denied: bool) {
        match outcome {
            Outcome::Failed(error) => {
                // A redirect to a node that asked to wait is not followed, and no denial.
                self.is_denied |= is_denied && error.to_string().contains(" answered ");
                self.failure = Some(error.clone());
            }
            Outcome::Changed(_) | Outcome::Unchanged => {
                (self.failure, self.is_denied) = (None, false);
            }
            _ => {}
        }
    }

    fn restart(&mut self, is_behind: bool) {
        let saved = self.mirror.reader().save(Timestamp(self.now));
        assert_eq!(saved.is_some(), self.kept.is_some_and(|kept| kept.is_dated));
        self.mirror = mirror(self.source, self.time);
        (self.outstanding, self.given_up, self.failure) = (None, None, None);
        (self.is_denied, self.not_before) = (false, [0; NODES.len()]);
        // Nobody but the mirror knows that the credentials were refused.
        self.refused.clear();
        // Another process has another clock, and some time has passed.
        (self.now, self.time) = (5, self.time + 50);

        self.kept = self.kept.filter(|_| saved.is_some());
        if let (Some(mut saved), Some(kept)) = (saved, &mut self.kept) {
            let passed = Duration::from_millis(50);
            saved.age = saved.age.map(|age| age + passed).filter(|_| !is_behind);
            saved.since_validation += passed;
            self.mirror.restore(Timestamp(self.now), saved).unwrap();
            if is_behind {
                // Its age counts from the start, and it is stale.
                (kept.date, kept.is_dated, kept.is_fresh) = (self.time, false, false);
            }
        }
    }

    fn poll(&mut self) {
        let late =
            |(fetch, sent): &(Fetch, u64)| self.time >= sent + fetch.timeout.as_millis() as u64;
        if let Some((fetch, _)) = self.outstanding.take_if(|it| late(it)) {
            self.given_up = Some(fetch.id);
            let why = format!("no response in {} ms", fetch.timeout.as_millis());
            self.failure = Some(StoreError::Unavailable(why).into());
        }
        match self.mirror.poll(Timestamp(self.now)) {
            Poll::Fetch(fetch) => {
                assert!(self.outstanding.is_none(), "two fetches at once");
                match &fetch.question {
                    Question::Request(request) => {
                        assert_eq!(self.source, Source::Cluster);
                        let url = request.url();
                        assert!(url.starts_with(&format!("{}/", NODES[request.node])), "{url}");
                        self.check_knock(request.node);
                    }
                    Question::Documents { .. } => assert_eq!(self.source, Source::Store),
                }
                self.outstanding = Some((fetch, self.time));
                // The mirror waits for an outstanding response.
                let Poll::Wait { until } = self.mirror.poll(Timestamp(self.now)) else {
                    panic!("two fetches at once");
                };
                self.until = until.0;
            }
            Poll::Wait { until } => self.until = until.0,
        }
        // There is always a next step, and it is not far.
        let is_left_alone = self.not_before.iter().any(|until| *until > self.time);
        let far = match (self.refused.is_empty(), is_left_alone) {
            (false, _) => 15 * MINUTE * 11 / 10,
            (true, true) => 15 * MINUTE,
            (true, false) => REFRESH.max(TIMEOUT),
        };
        assert!((self.now + 1..=self.now + far).contains(&self.until));
    }

    /// Checks that this node may be asked.
    fn check_knock(&self, node: usize) {
        assert!(self.time >= self.not_before[node], "{} asked too early", NODES[node]);
        if let [.., last] = self.refused[..] {
            assert!(self.time >= last + 5 * MINUTE, "refused at {last}, asked at {}", self.time);
        }
        if let [.., first, _] = self.refused[..] {
            assert!(self.time >= first + 15 * MINUTE, "a third time in a quarter of an hour");
        }
    }

    fn check(&self) {
        let now = Timestamp(self.now);
        let view = self.mirror.reader().view(now);
        let may_answer = self.end().is_some_and(|end| self.time <= end);
        assert_eq!(view.is_ok(), may_answer, "{:?} {view:?}", self.kept);
        if let (Ok(view), Some(kept)) = (&view, self.kept) {
            let age = Duration::from_millis(self.time - kept.date);
            assert_eq!(view.age, kept.is_dated.then_some(age));
            let fresh = matches!(view.freshness, Freshness::Fresh { .. });
            assert_eq!(fresh, kept.is_fresh && self.time - kept.validated <= 2 * REFRESH);
        }
        let caller = Caller::Authenticated(vec!["admin".to_string()]);
        let request =
            rest::Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
        let response = self.mirror.reader().handle(now, &request).into_owned();
        match self.kept.filter(|_| may_answer) {
            Some(Kept { version, .. }) => {
                assert_eq!(response.status, 200);
                assert_eq!(&*response.body, list(version).as_bytes());
            }
            None => {
                let is_final = match &self.failure {
                    Some(Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_))) => false,
                    // The next response of a cluster may be a right one.
                    Some(Error::Store(_)) => self.source == Source::Store,
                    failure => failure.is_some(),
                };
                assert_eq!(response.status, if is_final { 500 } else { 503 });
            }
        }
        let saved = self.mirror.reader().save(now);
        let status = self.mirror.reader().status(now);
        let shown = format!("{response:?} {:?} {view:?} {status:?} {saved:?}", self.mirror);
        let shown = format!("{shown} {:?} {}", self.outstanding, body(&response));
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        if let (Err(error), Source::Cluster) = (view, self.source) {
            let passes = matches!(
                error,
                Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_))
                    | Error::Malformed(_)
            );
            assert!(passes, "{error:?}");
        }
    }
}

fn mirror(source: Source, seed: u64) -> Mirror {
    let times = format!(
        r#""refresh_ms":{REFRESH},"stale_if_error_ms":{STALE_IF_ERROR},"timeout_ms":{TIMEOUT}"#
    );
    let of_a_cluster =
        format!(r#""stale_if_denied_ms":{STALE_IF_DENIED},"fresh_age_ms":{FRESH_AGE}"#);
    let config = match source {
        Source::Cluster => {
            let text = format!(
                r#"{{"nodes":["{}","{}"],"credentials":{{"user":"ann","password":"secret"}},{times},
                "body_bytes":150,{of_a_cluster}}}"#,
                NODES[0], NODES[1]
            );
            Config::parse(text.as_bytes()).unwrap()
        }
        Source::Store => Config::parse_for_store(format!("{{{times}}}").as_bytes()).unwrap(),
    };
    Mirror::new(config, seed)
}

/// A list that is none: two documents have one uid.
const DUPLICATE: &str = r#"[{"uid":"a"},{"uid":"a"}]"#;

/// The age of an answer, in milliseconds.
fn age(kind: &Kind) -> u64 {
    if let Kind::Relayed { age, .. } = kind { age * 1_000 } else { 0 }
}

fn denied() -> StoreError {
    StoreError::Denied("no".into())
}

/// Whether an answer of a cluster denies the list.
fn is_denial(kind: &Kind) -> bool {
    match kind {
        Kind::Status(status) => matches!(status, 401 | 403 | 410),
        Kind::NoList => true,
        // One in a circle of the nodes is a failure.
        Kind::Redirect(location) => location.contains("evil"),
        _ => false,
    }
}

/// The list at a version: two documents that both tell it, so that a mixture would show.
fn list(version: Option<u64>) -> String {
    let Some(version) = version else { return "[]\n".into() };
    format!("[{{\"n\":{version},\"uid\":\"a\"}},{{\"n\":{version},\"uid\":\"b\"}}]\n")
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), Vec::from(*value)));
    Response { status, headers: headers.collect(), body: body.into() }
}

fn body(response: &rest::Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// Half of a thousand schedules, or as many as `PROPTEST_CASES`.
fn schedules() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(500),
    }
}

fn run(source: Source, events: Vec<Event>) {
    let mut model = Model::new(source);
    model.poll();
    model.check();
    for event in events {
        model.apply(event);
    }
}

proptest! {
    #![proptest_config(schedules())]

    #[test]
    fn a_mirror_of_a_cluster_keeps_its_promises(events in vec(event(), 1..200)) {
        run(Source::Cluster, events);
    }

    #[test]
    fn a_mirror_of_a_store_keeps_its_promises(events in vec(event(), 1..200)) {
        run(Source::Store, events);
    }
}
