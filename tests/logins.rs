//! Logins at a cluster against a small reference model, over long random schedules.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::{Caller, Login, LoginOptions, Logins, Question};
use ccs_modules::upstream::{Node, Response, Upstream};
use proptest::collection::vec;
use proptest::prelude::*;

const MAX_AGE: u64 = 60_000;
const STALE_IF_ERROR: u64 = 900_000;
const LOCK: u64 = 900_000;
const NODES: [&str; 2] = ["https://node1:9443", "https://node2:9443"];

/// The credentials that callers send: two users with three passwords each, in two spellings of the name, and
/// two tokens.
const FIELDS: [&str; 9] =
    ["ann:a", "ann:b", "Ann:a", "ANN:c", "bob:a", "bob:b", "bob:c", "Bearer x", "JWT y"];

#[derive(Clone, Debug)]
enum Event {
    /// A caller sends credentials.
    Request(usize),
    /// The cluster answers an open question.
    Answer(usize, Kind),
    /// Other credentials become right, and others become wrong.
    Change(usize),
    Pass(u64),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The truth, as a cluster with the path of roles or one without it tells it.
    Truth {
        has_role: bool,
    },
    Forbidden,
    Unavailable,
    BadRequest,
    Nonsense,
    NoResponse,
}

/// The state of the world, and what callers may at most be let in by.
struct World {
    logins: Logins,
    now: u64,
    open: Vec<(usize, u64, Question)>,
    is_right: [bool; FIELDS.len()],
    /// The times of the questions by which the cluster allowed credentials last.
    allowed: BTreeMap<usize, u64>,
    /// The times of the denials of each name.
    denials: BTreeMap<String, Vec<u64>>,
    failed: Option<u64>,
}

proptest! {
    #[test]
    fn no_caller_is_let_in_whom_the_cluster_did_not_allow(events in vec(event(), 1..200)) {
        let nodes = NODES.map(|url| Node::parse(url).unwrap());
        let upstream = Upstream::new(nodes.into()).unwrap();
        let mut world = World {
            logins: Logins::new(upstream, LoginOptions::default(), [7; 32]),
            now: 0,
            open: Vec::new(),
            is_right: std::array::from_fn(|index| index % 3 == 0),
            allowed: BTreeMap::new(),
            denials: BTreeMap::new(),
            failed: None,
        };
        for event in events {
            world.act(event);
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => any::<bool>().prop_map(|has_role| Kind::Truth { has_role }),
        1 => Just(Kind::Forbidden),
        1 => Just(Kind::Unavailable),
        1 => Just(Kind::BadRequest),
        1 => Just(Kind::Nonsense),
        1 => Just(Kind::NoResponse),
    ];
    prop_oneof![
        6 => (0..FIELDS.len()).prop_map(Event::Request),
        6 => (any::<usize>(), kind).prop_map(|(index, kind)| Event::Answer(index, kind)),
        1 => (0..FIELDS.len()).prop_map(Event::Change),
        2 => prop_oneof![0..2_000_u64, 0..MAX_AGE * 2, 0..LOCK * 2].prop_map(Event::Pass),
    ]
}

impl World {
    fn act(&mut self, event: Event) {
        match event {
            Event::Request(index) => self.request(index),
            Event::Answer(index, kind) if !self.open.is_empty() => {
                let (field, asked, question) = self.open.swap_remove(index % self.open.len());
                self.answer(field, asked, question, kind);
            }
            Event::Answer(..) => {}
            Event::Change(index) => self.is_right[index] ^= true,
            Event::Pass(time) => {
                self.now += time;
                // The shell reports each question without a response at its timeout.
                let is_late = |now: u64, asked: u64| now - asked > 4_000;
                while let Some(late) = self.open.iter().position(|it| is_late(self.now, it.1)) {
                    let (field, asked, question) = self.open.swap_remove(late);
                    self.answer(field, asked, question, Kind::NoResponse);
                }
            }
        }
    }

    fn request(&mut self, index: usize) {
        let field = field(index);
        let headers = [("Authorization", field.as_bytes())];
        let login = self.logins.begin(&headers, Duration::from_millis(self.now));
        let since = self.allowed.get(&index).map(|asked| self.now - asked);
        match &login {
            Login::Known(Caller::Authenticated(_), _) => {
                let since = since.expect("the cluster has allowed it");
                let has_failed = self.failed.is_some_and(|failed| self.now - failed < 1_000);
                assert!(since < MAX_AGE || has_failed && since < STALE_IF_ERROR, "{since}");
            }
            // Whoever is kept goes on, even if others are denied.
            _ => assert!(since.is_none_or(|since| since >= MAX_AGE)),
        }
        self.take(index, self.now, login);
    }

    fn answer(&mut self, index: usize, asked: u64, question: Question, kind: Kind) {
        let sent = question.request.headers.iter().find(|(name, _)| name == "authorization");
        assert_eq!(sent.unwrap().1, field(index), "the credentials are shown unchanged");
        assert_eq!(question.request.headers.len(), 2);

        let asks_role = question.request.path == "/v1/users/role";
        let now = Duration::from_millis(self.now);
        let response = |status, body: &str| Response { status, headers: vec![], body: body.into() };
        let response = match kind {
            Kind::NoResponse => {
                self.failed = Some(self.now);
                let login = self.logins.failed(question, "it did not answer", now);
                return self.take(index, asked, login);
            }
            Kind::Truth { has_role: false } if asks_role => response(404, ""),
            Kind::Truth { .. } if !self.is_right[index] => response(401, ""),
            Kind::Truth { .. } if asks_role => response(200, r#"{"role":"admin"}"#),
            Kind::Truth { .. } => response(200, "[]"),
            Kind::Forbidden => response(403, ""),
            Kind::Unavailable => response(503, ""),
            Kind::BadRequest => response(400, ""),
            Kind::Nonsense => response(200, "<html>"),
        };

        match response.status {
            200 if response.body != b"<html>" => _ = self.allowed.insert(index, asked),
            401 => self.denied(index),
            503 => self.failed = Some(self.now),
            _ => {}
        }
        let login = self.logins.answered(question, response, now);
        self.take(index, asked, login);
    }

    /// Checks the lock of Redis: after five denials in fifteen minutes.
    fn denied(&mut self, index: usize) {
        self.allowed.remove(&index);
        let Some(name) = name(index) else { return };
        let denials = self.denials.entry(name).or_default();
        denials.push(self.now);
        let recent = denials.iter().filter(|time| self.now - **time < LOCK).count();
        assert!(recent <= 2, "{denials:?}");
    }

    fn take(&mut self, index: usize, asked: u64, login: Login) {
        match login {
            Login::Ask(question) => {
                let is_open = |(other, ..): &(usize, _, _)| match name(index) {
                    Some(user) => name(*other) == Some(user),
                    None => *other == index,
                };
                assert!(!self.open.iter().any(is_open), "two questions about one user");
                self.open.push((index, asked, *question));
            }
            Login::Refused(error) => assert!(matches!(error.status(), 429 | 503)),
            Login::Known(..) | Login::Wait => {}
        }
    }
}

/// The header field of these credentials.
fn field(index: usize) -> String {
    match FIELDS[index] {
        token if token.contains(' ') => token.into(),
        user => format!("Basic {}", BASE64.encode(user)),
    }
}

/// The user, whatever the case of the name; none for a token.
fn name(index: usize) -> Option<String> {
    FIELDS[index].split_once(':').map(|(name, _)| name.to_lowercase())
}
