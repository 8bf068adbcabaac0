//! Mirrors against a small reference model, over long random schedules.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

use std::time::Duration;

use ccs_modules::access::Caller;
use ccs_modules::mirror::{
    Config, Fetch, FetchId, Freshness, Mirror, Outcome, Poll, Question, Stored, Timestamp,
};
use ccs_modules::upstream::Response;
use ccs_modules::{Error, StoreError, rest};
use proptest::prelude::*;

const NODES: [&str; 2] = ["http://node1:8080", "https://node2"];
const REFRESH: u64 = 1_000;
const STALE_IF_ERROR: u64 = 10_000;
const TIMEOUT: u64 = 300;
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
    /// The host stops, and starts again with what it saved.
    Restart,
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
    Redirect(&'static str),
    /// The list through a relay, or the one before it, of this age in seconds.
    Relayed {
        is_last: bool,
        age: u64,
    },
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
        1 => prop_oneof![Just(401), Just(404), Just(500), Just(503)].prop_map(Kind::Status),
        1 => prop_oneof![
            Just("https://node2/v1/modules"),
            Just("http://NODE1:8080/v1/modules?x"),
            Just("/v2/modules"),
            Just("https://evil/v1/modules"),
            Just("https://ann:secret@evil/"),
        ]
        .prop_map(Kind::Redirect),
        2 => (prop::bool::weighted(0.7), 0..13_u64)
            .prop_map(|(is_last, age)| Kind::Relayed { is_last, age }),
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
        1 => Just(Event::Restart),
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
    until: u64,
}

/// The list that the mirror keeps, as the model knows it.
#[derive(Clone, Copy, Debug)]
struct Kept {
    version: u64,
    /// The true time at which it was the upstream's.
    date: u64,
    /// The true time since which it was not validated again.
    validated: u64,
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
                self.ended(&outcome);
            }
            Event::Change => self.version += 1,
            Event::Restart => self.restart(),
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
        let (outcome, good) = match (self.source, kind) {
            (Source::Cluster, Kind::OfTheOther) => {
                (self.mirror.stored(Timestamp(self.now), id, Stored::Unchanged), false)
            }
            (Source::Store, Kind::OfTheOther) => {
                let response = response(200, &[], &list(self.version));
                (self.mirror.answered(Timestamp(self.now), id, response), false)
            }
            (Source::Cluster, kind) => {
                let (outcome, good) = self.answer_of_cluster(kind, id, question);
                (outcome, good && self.is_young(kind, sent))
            }
            (Source::Store, kind) => self.answer_of_store(kind, id, question),
        };

        self.ended(&outcome);
        match outcome {
            Outcome::Late => assert!(!current),
            Outcome::Changed(_) | Outcome::Unchanged => {
                assert!(current && good);
                let (version, mut date) = (self.given(kind), sent - age(kind));
                let same = self.kept.filter(|kept| kept.version == version);
                assert_eq!(same.is_some(), outcome == Outcome::Unchanged);
                date = date.max(same.map_or(0, |kept| kept.date));
                self.kept = Some(Kept { version, date, validated: sent });
            }
            Outcome::Failed(_) => assert!(current && !good),
            Outcome::Redirected => assert!(matches!(kind, Kind::Redirect(_))),
            outcome => panic!("{outcome:?}"),
        }
    }

    /// The version of the list that is given.
    fn given(&self, kind: &Kind) -> u64 {
        self.version - u64::from(matches!(kind, Kind::Relayed { is_last: false, .. }))
    }

    /// Whether an answer is young enough to be kept.
    fn is_young(&self, kind: &Kind, sent: u64) -> bool {
        let is_older = |kept: Kept| {
            kept.version != self.given(kind) && sent.saturating_sub(age(kind)) + 2_000 < kept.date
        };
        age(kind) <= STALE_IF_ERROR && !self.kept.is_some_and(is_older)
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
            Kind::Redirect(location) => response(307, &[("location", location)], ""),
            Kind::Relayed { age, .. } => response(200, &[("age", &age.to_string())], &list),
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
        let body = list(self.version);
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
            Kind::Status(401) => return (self.mirror.failed(now, id, denied()), false),
            Kind::Unasked | Kind::Status(_) | Kind::Redirect(_) | Kind::Relayed { .. } => {
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

    fn ended(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Failed(error) => self.failure = Some(error.clone()),
            Outcome::Changed(_) | Outcome::Unchanged => self.failure = None,
            _ => {}
        }
    }

    fn restart(&mut self) {
        let saved = self.mirror.reader().save(Timestamp(self.now));
        assert_eq!(saved.is_some(), self.kept.is_some());
        self.mirror = mirror(self.source, self.time);
        (self.outstanding, self.given_up, self.failure) = (None, None, None);
        // Another process has another clock, and some time has passed.
        (self.now, self.time) = (5, self.time + 50);
        if let Some(mut saved) = saved {
            saved.age += Duration::from_millis(50);
            self.mirror.restore(Timestamp(self.now), saved).unwrap();
            // What is restored was validated when it was the upstream's, as far as anybody knows.
            self.kept = self.kept.map(|kept| Kept { validated: kept.date, ..kept });
        }
    }

    fn poll(&mut self) {
        let late = |(_, sent): &(Fetch, u64)| self.time >= sent + TIMEOUT;
        if let Some((fetch, _)) = self.outstanding.take_if(|it| late(it)) {
            self.given_up = Some(fetch.id);
            self.failure = Some(StoreError::Unavailable("no response in 300 ms".into()).into());
        }
        match self.mirror.poll(Timestamp(self.now)) {
            Poll::Fetch(fetch) => {
                assert!(self.outstanding.is_none(), "two fetches at once");
                match &fetch.question {
                    Question::Request(request) => {
                        assert_eq!(self.source, Source::Cluster);
                        let url = request.url();
                        assert!(url.starts_with(&format!("{}/", NODES[request.node])), "{url}");
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
        assert!((self.now + 1..=self.now + REFRESH.max(TIMEOUT)).contains(&self.until));
    }

    fn check(&self) {
        let now = Timestamp(self.now);
        let view = self.mirror.reader().view(now);
        let age = self.kept.map(|kept| self.time - kept.date);
        let may_answer = age.is_some_and(|age| age <= STALE_IF_ERROR);
        assert_eq!(view.is_ok(), may_answer, "{age:?} {view:?}");
        if let Ok(view) = &view {
            assert_eq!(Some(view.age), age.map(Duration::from_millis));
            let fresh = matches!(view.freshness, Freshness::Fresh { .. });
            let since_validation = self.kept.map(|kept| self.time - kept.validated);
            assert_eq!(Some(fresh), since_validation.map(|since| since <= 2 * REFRESH));
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
    let config = match source {
        Source::Cluster => {
            let text = format!(
                r#"{{"nodes":["{}","{}"],"credentials":{{"user":"ann","password":"secret"}},{times},
                "body_bytes":150}}"#,
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

/// The list at a version: two documents that both tell it, so that a mixture would show.
fn list(version: u64) -> String {
    format!("[{{\"n\":{version},\"uid\":\"a\"}},{{\"n\":{version},\"uid\":\"b\"}}]\n")
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), Vec::from(*value)));
    Response { status, headers: headers.collect(), body: body.into() }
}

fn body(response: &rest::Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_mirror_keeps_its_promises(
        source in prop_oneof![Just(Source::Cluster), Just(Source::Store)],
        events in prop::collection::vec(event(), 1..200),
    ) {
        let mut model = Model::new(source);
        model.poll();
        model.check();
        for event in events {
            model.apply(event);
        }
    }
}
