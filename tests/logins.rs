//! Logins of two workers at a cluster against a small reference model, over long random schedules.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::{Caller, Login, LoginOptions, Logins, NameStore, Names, Question, Turn};
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
    /// A caller sends credentials to a worker.
    Request(usize, usize),
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
    workers: [Worker; 2],
    now: u64,
    open: Vec<(Sent, Question)>,
    is_right: [bool; FIELDS.len()],
    /// The times of the denials of each name.
    denials: BTreeMap<String, Vec<u64>>,
}

struct Worker {
    logins: Logins<Shared>,
    /// The times of the questions by which the cluster allowed credentials last.
    allowed: BTreeMap<usize, u64>,
    failed: Option<u64>,
}

/// The names that both workers see.
#[derive(Clone)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl NameStore for Shared {
    fn change(
        &mut self,
        _name: &[u8; 32],
        change: &mut dyn FnMut(&mut Names) -> Turn,
    ) -> Option<Turn> {
        let mut names = Names::from_bytes(&self.0.borrow(), 100);
        let turn = change(&mut names);
        *self.0.borrow_mut() = names.to_bytes();
        Some(turn)
    }
}

/// The worker that sent a question, the credentials, and the time of the login.
#[derive(Clone, Copy)]
struct Sent {
    worker: usize,
    index: usize,
    asked: u64,
}

proptest! {
    #[test]
    fn no_caller_is_let_in_whom_the_cluster_did_not_allow(events in vec(event(), 1..200)) {
        let nodes = NODES.map(|url| Node::parse(url).unwrap());
        let upstream = Upstream::new(nodes.into()).unwrap();
        let shared = Shared(Rc::default());
        let worker = || {
            let (upstream, options) = (upstream.clone(), LoginOptions::default());
            let logins = Logins::with_names(upstream, options, [7; 32], shared.clone());
            Worker { logins, allowed: BTreeMap::new(), failed: None }
        };
        let mut world = World {
            workers: [worker(), worker()],
            now: 0,
            open: Vec::new(),
            is_right: std::array::from_fn(|index| index % 3 == 0),
            denials: BTreeMap::new(),
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
        6 => (0..2_usize, 0..FIELDS.len()).prop_map(|(worker, index)| Event::Request(worker, index)),
        6 => (any::<usize>(), kind).prop_map(|(index, kind)| Event::Answer(index, kind)),
        1 => (0..FIELDS.len()).prop_map(Event::Change),
        2 => prop_oneof![0..2_000_u64, 0..MAX_AGE * 2, 0..LOCK * 2].prop_map(Event::Pass),
    ]
}

impl World {
    fn act(&mut self, event: Event) {
        match event {
            Event::Request(worker, index) => self.request(worker, index),
            Event::Answer(index, kind) if !self.open.is_empty() => {
                let (sent, question) = self.open.swap_remove(index % self.open.len());
                self.answer(sent, question, kind);
            }
            Event::Answer(..) => {}
            Event::Change(index) => self.is_right[index] ^= true,
            Event::Pass(time) => {
                self.now += time;
                // The shell reports each question without a response at its timeout.
                let is_late = |now: u64, asked: u64| now - asked > 4_000;
                while let Some(late) = self.open.iter().position(|it| is_late(self.now, it.0.asked))
                {
                    let (sent, question) = self.open.swap_remove(late);
                    self.answer(sent, question, Kind::NoResponse);
                }
            }
        }
    }

    fn request(&mut self, worker: usize, index: usize) {
        let field = field(index);
        let headers = [("Authorization", field.as_bytes())];
        let Worker { logins, allowed, failed } = &mut self.workers[worker];
        let login = logins.begin(&headers, Duration::from_millis(self.now));
        let since = allowed.get(&index).map(|asked| self.now - asked);
        match &login {
            Login::Known(Caller::Authenticated(_), _) => {
                let since = since.expect("the cluster has allowed it");
                let has_failed = failed.is_some_and(|failed| self.now - failed < 1_000);
                // A kept caller also goes on while others are denied under the same name.
                let is_denied = name(index).is_some_and(|name| self.denials.contains_key(&name));
                let may_be_stale = has_failed || is_denied;
                assert!(since < MAX_AGE || may_be_stale && since < STALE_IF_ERROR, "{since}");
            }
            // Whoever is kept goes on, even if others are denied.
            _ => assert!(since.is_none_or(|since| since >= MAX_AGE)),
        }
        self.take(Sent { worker, index, asked: self.now }, login);
    }

    fn answer(&mut self, sent: Sent, question: Question, kind: Kind) {
        let Sent { worker, index, asked } = sent;
        let shown = question.request.headers.iter().find(|(name, _)| name == "authorization");
        assert_eq!(shown.unwrap().1, field(index), "the credentials are shown unchanged");
        assert_eq!(question.request.headers.len(), 2);

        let asks_role = question.request.path == "/v1/users/role";
        let now = Duration::from_millis(self.now);
        let response = |status, body: &str| Response { status, headers: vec![], body: body.into() };
        let response = match kind {
            Kind::NoResponse => {
                let worker = &mut self.workers[worker];
                worker.failed = Some(self.now);
                let login = worker.logins.failed(question, "it did not answer", now);
                return self.take(sent, login);
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
            200 if response.body != b"<html>" => {
                self.workers[worker].allowed.insert(index, asked);
            }
            401 => self.denied(worker, index),
            // The other node may have failed before.
            200 | 503 => self.workers[worker].failed = Some(self.now),
            _ => {}
        }
        let login = self.workers[worker].logins.answered(question, response, now);
        self.take(sent, login);
    }

    /// Checks the lock of Redis: after five denials in fifteen minutes.
    fn denied(&mut self, worker: usize, index: usize) {
        self.workers[worker].allowed.remove(&index);
        let Some(name) = name(index) else { return };
        let denials = self.denials.entry(name).or_default();
        denials.push(self.now);
        let recent = denials.iter().filter(|time| self.now - **time < LOCK).count();
        assert!(recent <= 2, "{denials:?}");
    }

    fn take(&mut self, sent: Sent, login: Login) {
        match login {
            Login::Ask(question) => {
                let is_open = |(other, _): &(Sent, _)| match name(sent.index) {
                    Some(user) => name(other.index) == Some(user),
                    None => (other.worker, other.index) == (sent.worker, sent.index),
                };
                assert!(!self.open.iter().any(is_open), "two questions about one user");
                self.open.push((sent, *question));
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
