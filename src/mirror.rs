//! A mirror: the catalog of a cluster, kept fresh over the cluster's REST API, and kept when the
//! cluster does not answer.
//!
//! See [`Mirror`] for how a shell drives it.

mod cache_status;
mod config;
mod schedule;
mod time;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::catalog::{get_module, list_modules};
use crate::error::{Error, StoreError};
use crate::lookup::{self, Fitting};
use crate::mirror::schedule::Schedule;
use crate::mirror::time::Clock;
use crate::module::Module;
use crate::rest;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::step::Step;
use crate::upstream::{ListAnswer, Request, Response};

pub use crate::mirror::config::Config;
pub use crate::mirror::time::Millis;

/// A snapshot of a cluster's catalog that is kept fresh.
///
/// The mirror says what to fetch and when. A shell sends the request, gives back the response, and
/// asks the mirror for answers meanwhile. Time comes from the shell, with each call.
///
/// > After each [`poll`](Self::poll) there is one thing to do: send the one request, or wait. After
/// > each thing done, poll again.
///
/// 1. Make the mirror, with a seed of its own: mirrors with the same seed ask at the same moments.
/// 2. Poll.
/// 3. On `Fetch`, send the request. Give back the response with [`answered`](Self::answered), or say
///    with [`failed`](Self::failed) why there is none, at the latest after the timeout; go to 2.
/// 4. On `Wait`, wait until that moment, or for the response that is outstanding; go to 2.
/// 5. Answer requests at any time, from what is held.
/// 6. To start while the cluster is down, [save](Self::save) what is held, and
///    [restore](Self::restore) it.
///
/// A shell that blocks does 2 to 4 in one loop. One that awaits does the same and awaits in it. One
/// that is called back does 2 in a timer:
///
/// ```
/// use std::time::Duration;
/// use ccs_modules::access::Caller;
/// use ccs_modules::mirror::{Config, Fetch, FetchId, Mirror, Millis, Outcome, Poll};
/// use ccs_modules::{rest, upstream};
///
/// /// Sends a request: here, to a cluster that is down every other time.
/// fn send(request: &upstream::Request, timeout: Duration) -> Result<upstream::Response, String> {
/// #   use std::cell::Cell;
/// #   thread_local!(static DOWN: Cell<bool> = const { Cell::new(true) });
/// #   if !DOWN.replace(!DOWN.get()) { return Err("connection refused".into()) }
///     assert_eq!(request.url(), "https://node1:9443/v1/modules");
///     let body = br#"[{"module_name":"search","uid":"a"}]"#.to_vec();
///     Ok(upstream::Response { status: 200, headers: vec![], body })
/// }
///
/// // A shell that blocks.
/// fn turn(mirror: &mut Mirror, now: Millis) -> Millis {
///     match mirror.poll(now) {                                           // 2
///         Poll::Fetch(Fetch { id, request, timeout }) => {               // 3
///             match send(&request, timeout) {
///                 Ok(response) => mirror.answered(now, id, response),
///                 Err(why) => mirror.failed(now, id, &why),
///             };
///             now
///         }
///         Poll::Wait { until } => until,                                 // 4: sleeps until then
///     }
/// }
///
/// // A shell that awaits.
/// async fn turn_async(mirror: &mut Mirror, now: Millis) -> Millis {
///     match mirror.poll(now) {
///         Poll::Fetch(Fetch { id, request, timeout }) => {
///             match async { send(&request, timeout) }.await {
///                 Ok(response) => mirror.answered(now, id, response),
///                 Err(why) => mirror.failed(now, id, &why),
///             };
///             now
///         }
///         Poll::Wait { until } => until,
///     }
/// }
///
/// // A shell that is called back, as a proxy's filter is: it keeps the id of what it sent.
/// struct Filter {
///     mirror: Mirror,
///     sent: Option<FetchId>,
/// }
/// impl Filter {
///     fn on_tick(&mut self, now: Millis) {
///         if let Poll::Fetch(fetch) = self.mirror.poll(now) {
///             self.sent = Some(fetch.id); // and dispatches the request
///         }
///     }
///     fn on_response(&mut self, now: Millis, response: upstream::Response) {
///         if let Some(id) = self.sent.take() {
///             self.mirror.answered(now, id, response);
///             self.on_tick(now); // a redirect is followed at once
///         }
///     }
/// }
///
/// let config = br#"{"nodes":["https://node1:9443"],"refresh_ms":30000}"#;
/// let mut mirror = Mirror::new(Config::parse(config)?, 4711);           // 1
/// let caller = Caller::Authenticated(vec!["db_viewer".to_string()]);
/// let request =
///     rest::Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
/// assert_eq!(mirror.handle(Millis(0), &request).status, 503);
///
/// let mut now = Millis(0);
/// while now < Millis(3_600_000) {
///     now = turn(&mut mirror, now);
/// }
/// let response = mirror.handle(now, &request);                           // 5
/// assert_eq!(response.status, 200);
/// assert!(response.headers.iter().any(|(name, _)| name == "age"));
///
/// let saved = mirror.save(now).expect("a snapshot is held");            // 6
/// let mut restarted = Mirror::new(Config::parse(config)?, 4712);
/// restarted.restore(Millis(0), saved)?;
/// assert_eq!(restarted.handle(Millis(0), &request).status, 200);
///
/// let later = futures_lite::future::block_on(turn_async(&mut restarted, Millis(60_000)));
/// assert_eq!(later, Millis(60_000));
///
/// let mut filter = Filter { mirror: Mirror::new(Config::parse(config)?, 4713), sent: None };
/// filter.on_tick(Millis(0));
/// let response = upstream::Response { status: 200, headers: vec![], body: b"[]".to_vec() };
/// filter.on_response(Millis(12), response);
/// assert!(filter.mirror.view(Millis(12)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A clone costs little: it shares the snapshot. A shell with threads answers from a clone while the
/// mirror itself takes a response, which checks a body and can take long.
#[derive(Clone)]
pub struct Mirror {
    config: Config,
    clock: Clock,
    schedule: Schedule,
    phase: Phase,
    /// The node to ask next.
    node: usize,
    last_id: u64,
    held: Option<Held>,
    /// The reason of the last failure, if no fetch has succeeded since.
    failure: Option<StoreError>,
    fetches: Fetches,
}

/// The state of the fetches. Times are counted from the first call, as [`Clock`] counts them.
#[derive(Clone)]
enum Phase {
    /// One request is outstanding.
    Fetching { id: FetchId, request: Request, begun: Duration },
    /// Nothing is outstanding. `redirect` is the request that a redirect led to.
    Waiting { until: Duration, redirect: Option<Request> },
}

/// The snapshot, and when it was made.
#[derive(Clone)]
struct Held {
    snapshot: Arc<Snapshot>,
    source: Option<Source>,
    /// The time when the request was sent that brought the snapshot or confirmed it.
    begun: Duration,
    /// The age of the snapshot at `begun`: by the upstream's account, or as restored.
    age: Duration,
    /// The time at `begun` since the upstream was asked: more than zero after a restore.
    unchecked: Duration,
}

/// The place that a snapshot came from, by which the upstream can be asked whether it is unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The URL.
    pub url: String,
    /// The entity tag of the body at this URL.
    pub entity_tag: String,
}

/// The next thing to do.
#[derive(Debug)]
#[must_use = "a fetch that is not sent is waited for until its timeout"]
pub enum Poll {
    /// Send this request.
    Fetch(Fetch),
    /// Do nothing until this moment.
    Wait {
        /// The moment, later than the one of the poll.
        until: Millis,
    },
}

/// A request to send.
#[derive(Debug)]
pub struct Fetch {
    /// The number to give back with the response.
    pub id: FetchId,
    /// The request.
    pub request: Request,
    /// The time to wait for the whole response. After it the mirror goes on without.
    pub timeout: Duration,
}

/// The number of a fetch. A mirror uses each once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchId(pub u64);

/// The outcome of a fetch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Another catalog than before, or the first one.
    Changed,
    /// Nothing that can be used: the snapshot, if there is one, is kept.
    Failed(StoreError),
    /// Not the outstanding fetch, but one that was given up: nothing happened.
    Late,
    /// A redirect to a configured node: the next poll gives the request.
    Redirected,
    /// The same catalog as before.
    Unchanged,
}

/// The numbers of fetches by outcome, since the mirror was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fetches {
    /// Fetches that brought another catalog than before, or the first one.
    pub changed: u64,
    /// Fetches that failed, those without a response in time included.
    pub failed: u64,
    /// Fetches that were redirected.
    pub redirected: u64,
    /// Fetches that brought the same catalog as before.
    pub unchanged: u64,
}

/// A snapshot that may answer.
#[derive(Debug)]
pub struct View<'a> {
    /// The snapshot: of one moment, and checked whole.
    pub snapshot: &'a Snapshot,
    /// The age of the snapshot: at most `stale_if_error`.
    pub age: Duration,
    /// Whether the snapshot is as fresh as it is meant to be.
    pub freshness: Freshness,
}

/// Whether a snapshot is as fresh as it is meant to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The upstream was asked within two refresh intervals.
    Fresh {
        /// The time that is left of them.
        left: Duration,
    },
    /// It was not.
    Stale {
        /// The time since the two intervals ended.
        over: Duration,
        /// The reason.
        why: StoreError,
    },
}

/// The state of a mirror, for metrics and logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// The age of the snapshot; none if there is no snapshot.
    pub age: Option<Duration>,
    /// Whether the snapshot is fresh; the error where the mirror may not answer.
    pub freshness: Result<Freshness, StoreError>,
    /// The reason of the last failure, if no fetch has succeeded since.
    pub failure: Option<StoreError>,
    /// The index of the node that is asked now or next.
    pub node: usize,
    /// Whether a request is outstanding.
    pub fetching: bool,
    /// The numbers of fetches by outcome.
    pub fetches: Fetches,
}

/// A snapshot to store, so that a mirror can start while the cluster is down. It holds no
/// credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Saved {
    /// The body of the list.
    pub body: Vec<u8>,
    /// The place that it came from, if the upstream gave an entity tag.
    pub source: Option<Source>,
    /// The age of the snapshot.
    pub age: Duration,
}

impl Mirror {
    /// Makes a mirror that holds nothing yet. The seed is a random number: mirrors with the same one
    /// ask at the same moments.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            schedule: Schedule::new(config.refresh, seed),
            config,
            clock: Clock::default(),
            phase: Phase::Waiting { until: Duration::ZERO, redirect: None },
            node: 0,
            last_id: 0,
            held: None,
            failure: None,
            fetches: Fetches::default(),
        }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Says what to do next: send a request, if one is due and none is outstanding, or wait.
    pub fn poll(&mut self, now: Millis) -> Poll {
        let time = self.clock.advance(now);
        if let Phase::Fetching { request, begun, .. } = &self.phase {
            let timeout = self.config.upstream.timeout();
            if time >= begun.saturating_add(timeout) {
                let why = format!("no response in {} ms", timeout.as_millis());
                let (node, error) = (request.node, request.failed(&why));
                self.fail(time, node, error);
            }
        }
        let until = match &mut self.phase {
            Phase::Fetching { begun, .. } => begun.saturating_add(self.config.upstream.timeout()),
            Phase::Waiting { until, .. } if time < *until => *until,
            Phase::Waiting { redirect, .. } => {
                let redirect = redirect.take();
                return self.begin(time, redirect);
            }
        };
        Poll::Wait { until: self.clock.moment(now, until) }
    }

    /// Takes the response to a fetch. The body is checked whole before it replaces anything.
    pub fn answered(&mut self, now: Millis, id: FetchId, response: Response) -> Outcome {
        let time = self.clock.advance(now);
        let Some((request, begun)) = self.end(id, time) else {
            return Outcome::Late;
        };
        match self.config.upstream.read_list(&request, response) {
            Ok(ListAnswer::Body { age, body, entity_tag }) => {
                let source = entity_tag.map(|entity_tag| Source { url: request.url(), entity_tag });
                match self.check(&body) {
                    Ok(Some(snapshot)) => {
                        let unchecked = Duration::ZERO;
                        let snapshot = Arc::new(snapshot);
                        self.held = Some(Held { snapshot, source, begun, age, unchecked });
                        self.succeed(time, request.node, Outcome::Changed)
                    }
                    Ok(None) => {
                        self.confirm(begun, age);
                        if let Some(held) = &mut self.held {
                            held.source = source;
                        }
                        self.succeed(time, request.node, Outcome::Unchanged)
                    }
                    Err(error) => {
                        let why = format!("the list is refused: {error}");
                        self.fail(time, request.node, request.failed(&why))
                    }
                }
            }
            Ok(ListAnswer::Redirect(request)) => {
                self.phase = Phase::Waiting { until: time, redirect: Some(request) };
                self.fetches.redirected += 1;
                Outcome::Redirected
            }
            Ok(ListAnswer::Unchanged { age }) => {
                self.confirm(begun, age);
                self.succeed(time, request.node, Outcome::Unchanged)
            }
            Err(error) => self.fail(time, request.node, error),
        }
    }

    /// Takes the news that a fetch has no response, and why: in the shell's own words, which reach
    /// clients and hold no credentials.
    pub fn failed(&mut self, now: Millis, id: FetchId, why: &str) -> Outcome {
        let time = self.clock.advance(now);
        match self.end(id, time) {
            Some((request, _)) => self.fail(time, request.node, request.failed(why)),
            None => Outcome::Late,
        }
    }

    /// Returns the snapshot, how old it is, and whether it is fresh.
    ///
    /// # Errors
    ///
    /// If nothing is held, or it is older than `stale_if_error`: [`StoreError::Denied`] if the
    /// upstream refuses the credentials, else [`StoreError::Unavailable`].
    pub fn view(&self, now: Millis) -> Result<View<'_>, StoreError> {
        let time = self.clock.at(now);
        let Some(held) = &self.held else {
            return Err(self.without_snapshot("nothing has been fetched yet"));
        };
        let age = held.age_at(time);
        if age > self.config.stale_if_error {
            let limit = self.config.stale_if_error.as_secs();
            return Err(
                self.without_snapshot(&format!("the catalog is more than {limit} seconds old"))
            );
        }
        Ok(View { snapshot: &held.snapshot, age, freshness: self.freshness(held, time) })
    }

    /// Answers a request: from the snapshot, with its `age` (RFC 9111) and a `cache-status`
    /// (RFC 9211), or with 503 and the reason where there is none that may answer.
    ///
    /// The body of the list is borrowed; [`rest::Response::into_owned`] copies it.
    pub fn handle(
        &self,
        now: Millis,
        request: &rest::Request<'_>,
    ) -> rest::Response<Cow<'_, [u8]>> {
        match self.view(now) {
            Ok(View { snapshot, age, freshness }) => {
                let age = ("age".into(), format!("{}", age.as_secs()));
                let cache_status = ("cache-status".into(), cache_status::field(&freshness));
                snapshot.handle_with(request, &self.config.limits, [age, cache_status])
            }
            Err(error) => match rest::handle(request, &self.config.limits) {
                Step::Ask(ask) => ask.fail(error).into(),
                Step::Done(response) => response.into(),
            },
        }
    }

    /// Lists the modules, as [`list_modules`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], or [`Error::Store`] where there is no snapshot that may answer.
    pub fn list_modules<R: AsRef<str>>(
        &self,
        now: Millis,
        roles: &[R],
    ) -> Result<Vec<Module>, Error> {
        self.resolve(now, list_modules(roles, &self.config.limits))
    }

    /// Gets the module with this uid, as [`get_module`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], [`Error::UidTooLong`], [`Error::NotFound`], or [`Error::Store`] where
    /// there is no snapshot that may answer.
    pub fn get_module<R: AsRef<str>>(
        &self,
        now: Millis,
        roles: &[R],
        uid: &str,
    ) -> Result<Module, Error> {
        self.resolve(now, get_module(roles, uid, &self.config.limits))
    }

    /// Finds the modules of a name, newest first, as [`lookup::find_modules`] does.
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn find_modules<R: AsRef<str>>(
        &self,
        now: Millis,
        roles: &[R],
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<Module>, Error> {
        self.resolve(now, lookup::find_modules(roles, name, version, &self.config.limits))
    }

    /// Lists the newest module of each name, as [`lookup::latest_modules`] does.
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn latest_modules<R: AsRef<str>>(
        &self,
        now: Millis,
        roles: &[R],
    ) -> Result<Vec<Module>, Error> {
        self.resolve(now, lookup::latest_modules(roles, &self.config.limits))
    }

    /// Chooses, for each name, the module that a database of this Redis version gets, as
    /// [`lookup::fitting_modules`] does.
    ///
    /// # Errors
    ///
    /// Those of [`list_modules`](Self::list_modules).
    pub fn fitting_modules<R: AsRef<str>>(
        &self,
        now: Millis,
        roles: &[R],
        redis_version: &str,
    ) -> Result<Vec<Fitting>, Error> {
        self.resolve(now, lookup::fitting_modules(roles, redis_version, &self.config.limits))
    }

    /// Returns the state of the mirror.
    pub fn status(&self, now: Millis) -> Status {
        let time = self.clock.at(now);
        Status {
            age: self.held.as_ref().map(|held| held.age_at(time)),
            freshness: self.view(now).map(|view| view.freshness),
            failure: self.failure.clone(),
            node: match &self.phase {
                Phase::Fetching { request, .. }
                | Phase::Waiting { redirect: Some(request), .. } => request.node,
                Phase::Waiting { redirect: None, .. } => self.node,
            },
            fetching: matches!(self.phase, Phase::Fetching { .. }),
            fetches: self.fetches,
        }
    }

    /// Returns what to store of the snapshot; none if nothing is held. The moment it was stored has
    /// to be stored with it.
    pub fn save(&self, now: Millis) -> Option<Saved> {
        let time = self.clock.at(now);
        let held = self.held.as_ref()?;
        Some(Saved {
            body: held.snapshot.body().to_vec(),
            source: held.source.clone(),
            age: held.age_at(time),
        })
    }

    /// Holds a snapshot that was saved. Its `age` is the one at this moment: the age it had when it
    /// was saved and the time since, by a clock that runs while the program does not. Does nothing if
    /// a snapshot is held already.
    ///
    /// # Errors
    ///
    /// If the body is not a catalog.
    pub fn restore(&mut self, now: Millis, saved: Saved) -> Result<(), SnapshotError> {
        let time = self.clock.advance(now);
        if self.held.is_some() {
            return Ok(());
        }
        let Saved { body, source, age } = saved;
        let snapshot = Arc::new(Snapshot::parse(&body, &self.config.limits)?);
        self.held = Some(Held { snapshot, source, begun: time, age, unchecked: age });
        if matches!(self.phase, Phase::Waiting { redirect: None, .. }) {
            let until = time.saturating_add(self.schedule.after_restore(age));
            self.phase = Phase::Waiting { until, redirect: None };
        }
        Ok(())
    }

    /// Takes over the outcome of a fetch that another mirror of this upstream made, and ended this long
    /// ago: what it [saved](Self::save) then, or why it failed. A fetch of this mirror that is
    /// outstanding is given up. So one fetch is enough for all mirrors of a program.
    pub fn follow(
        &mut self,
        now: Millis,
        since: Duration,
        ended: Result<Saved, StoreError>,
    ) -> Outcome {
        let time = self.clock.advance(now);
        let (outcome, wait) = match ended.and_then(|saved| self.take_over(time, since, saved)) {
            Ok(outcome) => {
                self.failure = None;
                (outcome, self.schedule.after_success())
            }
            Err(error) => {
                self.failure = Some(error.clone());
                let wait = self.schedule.after_failure(self.held.is_some());
                (Outcome::Failed(error), wait)
            }
        };
        let until = time.saturating_add(wait.saturating_sub(since));
        self.phase = Phase::Waiting { until, redirect: None };
        outcome
    }

    /// Holds a snapshot of another mirror, unless the one that is held is younger.
    fn take_over(
        &mut self,
        time: Duration,
        since: Duration,
        saved: Saved,
    ) -> Result<Outcome, StoreError> {
        let Saved { body, source, age } = saved;
        let age = age.saturating_add(since);
        if self.held.as_ref().is_some_and(|held| held.age_at(time) < age) {
            return Ok(Outcome::Unchanged);
        }
        let changed = self.check(&body).map_err(|error| {
            StoreError::Other(format!("the list of another mirror is refused: {error}"))
        })?;
        match (changed, &mut self.held) {
            (Some(snapshot), held) => {
                let snapshot = Arc::new(snapshot);
                *held = Some(Held { snapshot, source, begun: time, age, unchecked: since });
                Ok(Outcome::Changed)
            }
            (None, Some(held)) => {
                (held.source, held.begun, held.age, held.unchecked) = (source, time, age, since);
                Ok(Outcome::Unchanged)
            }
            (None, None) => Ok(Outcome::Unchanged),
        }
    }

    /// Begins a fetch.
    fn begin(&mut self, time: Duration, redirect: Option<Request>) -> Poll {
        let upstream = &self.config.upstream;
        let known = || {
            let url = upstream.list_url(self.node)?;
            let source = self.held.as_ref()?.source.as_ref()?;
            (source.url == url).then_some(source.entity_tag.as_str())
        };
        // An upstream has at least one node, and `node` is one of them.
        let Some(request) = redirect.or_else(|| upstream.list(self.node, known())) else {
            return Poll::Wait { until: Millis(u64::MAX) };
        };
        self.last_id += 1;
        let id = FetchId(self.last_id);
        let fetch = Fetch { id, request: request.clone(), timeout: upstream.timeout() };
        self.phase = Phase::Fetching { id, request, begun: time };
        Poll::Fetch(fetch)
    }

    /// Ends the fetch with this id, and returns its request and when it was sent; none if it is not
    /// the one that is outstanding.
    fn end(&mut self, id: FetchId, time: Duration) -> Option<(Request, Duration)> {
        let ended = Phase::Waiting { until: time, redirect: None };
        match core::mem::replace(&mut self.phase, ended) {
            Phase::Fetching { id: outstanding, request, begun } if outstanding == id => {
                Some((request, begun))
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Checks a body, and returns its catalog; none if it is the one that is held.
    fn check(&self, body: &[u8]) -> Result<Option<Snapshot>, SnapshotError> {
        let is_held =
            |body: &[u8]| self.held.as_ref().is_some_and(|held| held.snapshot.body() == body);
        if is_held(body) {
            return Ok(None);
        }
        let snapshot = Snapshot::parse(body, &self.config.limits)?;
        Ok((!is_held(snapshot.body())).then_some(snapshot))
    }

    /// Dates the snapshot to a fetch that found it unchanged.
    fn confirm(&mut self, begun: Duration, age: Duration) {
        if let Some(held) = &mut self.held {
            (held.begun, held.age, held.unchecked) = (begun, age, Duration::ZERO);
        }
    }

    fn succeed(&mut self, time: Duration, node: usize, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Changed => self.fetches.changed += 1,
            _ => self.fetches.unchanged += 1,
        }
        self.node = node;
        self.failure = None;
        let until = time.saturating_add(self.schedule.after_success());
        self.phase = Phase::Waiting { until, redirect: None };
        outcome
    }

    fn fail(&mut self, time: Duration, node: usize, error: StoreError) -> Outcome {
        self.fetches.failed += 1;
        self.node = if node + 1 < self.config.upstream.nodes().len() { node + 1 } else { 0 };
        self.failure = Some(error.clone());
        let until = time.saturating_add(self.schedule.after_failure(self.held.is_some()));
        self.phase = Phase::Waiting { until, redirect: None };
        Outcome::Failed(error)
    }

    fn freshness(&self, held: &Held, time: Duration) -> Freshness {
        let unchecked = held.unchecked.saturating_add(time.saturating_sub(held.begun));
        let longest = self.config.refresh.saturating_mul(2);
        match longest.checked_sub(unchecked) {
            Some(left) => Freshness::Fresh { left },
            None => Freshness::Stale {
                over: unchecked.saturating_sub(longest),
                why: self.failure.clone().unwrap_or_else(|| {
                    StoreError::Unavailable("the upstream has not been asked again".into())
                }),
            },
        }
    }

    /// Returns the error where there is no snapshot that may answer: what is missing, and the reason
    /// of the last failure.
    fn without_snapshot(&self, what: &str) -> StoreError {
        match &self.failure {
            None => StoreError::Unavailable(what.into()),
            Some(StoreError::Denied(why)) => StoreError::Denied(format!("{what}; {why}")),
            // Worth another try in any case: the next answer of the upstream may be a right one.
            Some(error) => StoreError::Unavailable(format!("{what}; {}", error.reason())),
        }
    }

    fn resolve<T>(&self, now: Millis, step: Step<Result<T, Error>>) -> Result<T, Error> {
        match step {
            Step::Ask(ask) => match self.view(now) {
                Ok(view) => view.snapshot.answer(Step::Ask(ask)),
                Err(error) => ask.fail(error),
            },
            Step::Done(outcome) => outcome,
        }
    }
}

impl Held {
    fn age_at(&self, time: Duration) -> Duration {
        self.age.saturating_add(time.saturating_sub(self.begun))
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("upstream", &self.config.upstream)
            .field("fetches", &self.fetches)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;
    use crate::access::Caller;

    const REFRESH: u64 = 30_000;
    const LIST: &str = r#"[{"uid":"a"}]"#;

    fn mirror(nodes: &[&str]) -> Mirror {
        let nodes = nodes.join("\",\"");
        let credentials = r#""credentials":{"user":"ann","password":"secret"}"#;
        let text = format!(r#"{{"nodes":["{nodes}"],{credentials},"stale_if_error_ms":600000}}"#);
        Mirror::new(Config::parse(text.as_bytes()).unwrap(), 1)
    }

    /// Expects one fetch.
    fn fetch(mirror: &mut Mirror, now: u64) -> Fetch {
        match mirror.poll(Millis(now)) {
            Poll::Fetch(fetch) => fetch,
            poll => panic!("{poll:?}"),
        }
    }

    /// Expects to wait, and returns until when.
    fn wait(mirror: &mut Mirror, now: u64) -> u64 {
        match mirror.poll(Millis(now)) {
            Poll::Wait { until } => until.0,
            poll => panic!("{poll:?}"),
        }
    }

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), Vec::from(*value)));
        Response { status, headers: headers.collect(), body: body.into() }
    }

    /// Fetches this list, in no time.
    fn load(mirror: &mut Mirror, now: u64, headers: &[(&str, &str)], list: &str) -> Outcome {
        let id = fetch(mirror, now).id;
        mirror.answered(Millis(now), id, response(200, headers, list))
    }

    fn handle(mirror: &Mirror, now: u64, target: &str) -> rest::Response {
        let caller = Caller::Authenticated(vec!["admin".to_string()]);
        let request = rest::Request { method: "GET", target, headers: &[], caller: &caller };
        mirror.handle(Millis(now), &request).into_owned()
    }

    fn field<'a>(response: &'a rest::Response, name: &str) -> Option<&'a str> {
        let found = response.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    fn if_none_match(fetch: &Fetch) -> Option<&str> {
        let fields = &fetch.request.headers;
        let found = fields.iter().find(|(name, _)| name == "if-none-match");
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_list_is_fetched_and_answers() {
        let mut mirror = mirror(&["https://node1"]);
        let empty = handle(&mirror, 0, "/v1/modules");
        assert_eq!(empty.status, 503);
        assert!(empty.body.starts_with(
            br#"{"description":"the store is unavailable: nothing has been fetched yet""#
        ));
        let Fetch { id, request, timeout } = fetch(&mut mirror, 5);
        assert_eq!(request.url(), "https://node1/v1/modules");
        assert_eq!(timeout, Duration::from_secs(5));
        assert_eq!(wait(&mut mirror, 6), 5005);
        let outcome = mirror.answered(Millis(1005), id, response(200, &[], LIST));
        assert_eq!(outcome, Outcome::Changed);

        let listed = handle(&mirror, 2500, "/v1/modules");
        assert_eq!((listed.status, &*listed.body), (200, b"[{\"uid\":\"a\"}]\n".as_slice()));
        // The list is as old as the request for it.
        assert_eq!(field(&listed, "age"), Some("2"));
        assert_eq!(field(&listed, "cache-status"), Some("ccs-modules; hit; ttl=57"));
        assert_eq!(field(&handle(&mirror, 2500, "/v1/modules/b"), "age"), Some("2"));
        assert_eq!(field(&handle(&mirror, 2500, "/v1"), "age"), None);
        let modules = mirror.list_modules(Millis(2500), &["admin"]).unwrap();
        assert_eq!(modules[0].uid, "a");
        assert_eq!(mirror.get_module(Millis(0), &["admin"], "b"), Err(Error::NotFound));
        assert_eq!(mirror.get_module(Millis(0), &["none"], "a"), Err(Error::Forbidden));
        let until = wait(&mut mirror, 2500);
        assert!((1005..=1005 + REFRESH).contains(&until), "{until}");
    }

    #[test]
    fn an_unchanged_list_is_confirmed_by_its_entity_tag_at_the_same_url() {
        let mut mirror = mirror(&["https://node1", "https://node2"]);
        assert_eq!(load(&mut mirror, 0, &[("etag", "\"x\"")], LIST), Outcome::Changed);
        let Fetch { id, request, .. } = fetch(&mut mirror, 40_000);
        assert_eq!(request.headers.last().unwrap().1, "\"x\"");
        let unchanged = response(304, &[("age", "7")], "");
        assert_eq!(mirror.answered(Millis(41_000), id, unchanged), Outcome::Unchanged);
        // The age is the upstream's, and the time since it was asked.
        assert_eq!(mirror.view(Millis(42_000)).unwrap().age, Duration::from_secs(9));
        // Another node may use the same tag for another list.
        let failing = fetch(&mut mirror, 80_000).id;
        mirror.failed(Millis(80_000), failing, "reset");
        let other = fetch(&mut mirror, 120_000);
        assert_eq!((other.request.node, if_none_match(&other)), (1, None));
        // The same bytes from there are no change, and not parsed again.
        let same = response(200, &[], "[{\"uid\":\"a\"}]\n");
        assert_eq!(mirror.answered(Millis(120_000), other.id, same), Outcome::Unchanged);
        assert_eq!(if_none_match(&fetch(&mut mirror, 160_000)), None);
        let expected = Fetches { changed: 1, failed: 1, redirected: 0, unchanged: 2 };
        assert_eq!(mirror.status(Millis(0)).fetches, expected);
    }

    #[test]
    fn the_old_list_answers_until_it_is_too_old() {
        let mut mirror = mirror(&["https://node1"]);
        load(&mut mirror, 0, &[], LIST);
        let mut now = 0;
        for bad in [
            response(500, &[], ""),
            response(200, &[], "<html>"),
            response(200, &[], r#"[{"uid":"a"}"#),
            response(200, &[], r#"[{"uid":1}]"#),
            response(304, &[], ""),
        ] {
            now = wait(&mut mirror, now);
            let id = fetch(&mut mirror, now).id;
            let outcome = mirror.answered(Millis(now), id, bad);
            assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
            assert_eq!(handle(&mirror, now, "/v1/modules").status, 200);
        }
        now = wait(&mut mirror, now);
        let id = fetch(&mut mirror, now).id;
        mirror.failed(Millis(now), id, "connection refused");
        let stale = handle(&mirror, 600_000, "/v1/modules");
        assert_eq!((stale.status, field(&stale, "age")), (200, Some("600")));
        assert_eq!(
            field(&stale, "cache-status"),
            Some(
                "ccs-modules; hit; ttl=-541; \
                 detail=\"the store is unavailable: https://node1: connection refused\""
            )
        );
        let gone = handle(&mirror, 600_001, "/v1/modules");
        assert_eq!((gone.status, field(&gone, "age")), (503, None));
        let text = "the store is unavailable: the catalog is more than 600 seconds old; \
                    https://node1: connection refused";
        assert!(gone.body.starts_with(format!("{{\"description\":\"{text}\"").as_bytes()));
        let status = mirror.status(Millis(600_001));
        assert_eq!(status.age, Some(Duration::from_millis(600_001)));
        assert_eq!(status.freshness.unwrap_err().to_string(), text);
        // One good answer is enough.
        load(&mut mirror, 700_000, &[], "[]");
        assert_eq!(handle(&mirror, 700_000, "/v1/modules").body, b"[]\n");
        assert_eq!(mirror.status(Millis(700_000)).failure, None);
    }

    #[test]
    fn a_refused_host_needs_an_operator() {
        let mut mirror = mirror(&["https://node1"]);
        let id = fetch(&mut mirror, 0).id;
        mirror.answered(Millis(0), id, response(401, &[], ""));
        let expected = "nothing has been fetched yet; https://node1 answered 401";
        assert_eq!(mirror.view(Millis(0)).unwrap_err(), StoreError::Denied(expected.into()));
        // A body that is too long may be gone with the next fetch, so it is a 503 as well.
        let now = wait(&mut mirror, 0);
        let id = fetch(&mut mirror, now).id;
        let long = response(200, &[], &" ".repeat((8 << 20) + 1));
        mirror.answered(Millis(now), id, long);
        assert_eq!(handle(&mirror, now, "/v1/modules").status, 503);
    }

    #[test]
    fn a_fetch_without_a_response_is_given_up_and_comes_too_late() {
        let mut mirror = mirror(&["https://node1"]);
        let id = fetch(&mut mirror, 0).id;
        assert_eq!(wait(&mut mirror, 4999), 5000);
        let until = wait(&mut mirror, 5000);
        assert!(until > 5000, "{until}");
        let status = mirror.status(Millis(5000));
        assert_eq!(
            status.failure,
            Some(StoreError::Unavailable("https://node1: no response in 5000 ms".into()))
        );
        assert_eq!(mirror.answered(Millis(5001), id, response(200, &[], LIST)), Outcome::Late);
        assert_eq!(mirror.failed(Millis(5001), id, "reset"), Outcome::Late);
        assert!(mirror.view(Millis(5001)).is_err());
        // A number that was never given is no outstanding one.
        let next = fetch(&mut mirror, until).id;
        assert_eq!(mirror.failed(Millis(until), FetchId(99), "reset"), Outcome::Late);
        let outcome = mirror.answered(Millis(until), next, response(200, &[], LIST));
        assert_eq!(outcome, Outcome::Changed);
    }

    #[test]
    fn the_next_node_is_asked_after_a_failure_and_the_good_one_again() {
        let mut mirror = mirror(&["https://node1", "https://node2", "https://node3"]);
        let mut now = 0;
        for node in [0, 1, 2, 0, 1] {
            let Fetch { id, request, .. } = fetch(&mut mirror, now);
            assert_eq!(request.node, node);
            mirror.failed(Millis(now), id, "connection refused");
            now = wait(&mut mirror, now);
        }
        load(&mut mirror, now, &[], LIST);
        assert_eq!(fetch(&mut mirror, now + REFRESH).request.node, 2);
    }

    #[test]
    fn a_redirect_to_a_configured_node_is_followed_at_once() {
        let mut mirror = mirror(&["https://node1", "https://node2", "https://node3"]);
        let id = fetch(&mut mirror, 0).id;
        let location = [("location", "https://node2/v1/modules")];
        let outcome = mirror.answered(Millis(10), id, response(307, &location, ""));
        assert_eq!((outcome, mirror.status(Millis(10)).node), (Outcome::Redirected, 1));
        let Fetch { id, request, .. } = fetch(&mut mirror, 10);
        assert_eq!(request.url(), "https://node2/v1/modules");
        mirror.answered(Millis(20), id, response(200, &[("etag", "\"x\"")], LIST));
        // The primary is asked first from now on, by its own entity tag.
        let next = fetch(&mut mirror, 40_000);
        assert_eq!((next.request.node, if_none_match(&next)), (1, Some("\"x\"")));
        let foreign = response(307, &[("location", "https://evil/v1/modules")], "");
        let outcome = mirror.answered(Millis(40_000), next.id, foreign);
        let text = "https://node2 answered 307, a redirect to https://evil, \
                    which is no configured node";
        assert_eq!(outcome, Outcome::Failed(StoreError::Unavailable(text.into())));
        let now = wait(&mut mirror, 40_000);
        assert_eq!(fetch(&mut mirror, now).request.node, 2);
    }

    #[test]
    fn a_saved_snapshot_answers_after_a_restart() {
        let mut first = mirror(&["https://node1"]);
        assert_eq!(first.save(Millis(0)), None);
        load(&mut first, 0, &[("etag", "\"x\""), ("age", "2")], LIST);
        let mut saved = first.save(Millis(3000)).unwrap();
        assert_eq!(saved.age, Duration::from_secs(5));

        saved.age += Duration::from_secs(100);
        let mut second = mirror(&["https://node1"]);
        second.restore(Millis(7), saved.clone()).unwrap();
        let response = handle(&second, 1007, "/v1/modules");
        assert_eq!((response.status, field(&response, "age")), (200, Some("106")));
        assert_eq!(
            field(&response, "cache-status"),
            Some(
                "ccs-modules; hit; ttl=-47; \
                 detail=\"the store is unavailable: the upstream has not been asked again\""
            )
        );
        // It is due, and asked for by its entity tag.
        let next = fetch(&mut second, 1007);
        assert_eq!(if_none_match(&next), Some("\"x\""));
        let unchanged = self::response(304, &[], "");
        assert_eq!(second.answered(Millis(1007), next.id, unchanged), Outcome::Unchanged);
        assert_eq!(second.view(Millis(1007)).unwrap().age, Duration::ZERO);

        // The answer of the upstream is newer than the saved list.
        let other = Saved { body: b"[]".to_vec(), source: None, age: Duration::ZERO };
        second.restore(Millis(1007), other).unwrap();
        assert_eq!(second.get_module(Millis(1007), &["admin"], "a").unwrap().uid, "a");
        // One that is too old is not answered from, and one that is fresh is not fetched at once.
        let mut third = mirror(&["https://node1"]);
        third.restore(Millis(0), Saved { age: Duration::MAX, ..saved.clone() }).unwrap();
        assert_eq!(handle(&third, 0, "/v1/modules").status, 503);
        let mut fourth = mirror(&["https://node1"]);
        fourth.restore(Millis(0), Saved { age: Duration::ZERO, ..saved.clone() }).unwrap();
        assert!(wait(&mut fourth, 0) > 0);
        let broken = Saved { body: b"[".to_vec(), ..saved };
        assert!(mirror(&["https://node1"]).restore(Millis(0), broken).is_err());
    }

    #[test]
    fn a_restore_during_a_fetch_does_not_disturb_it() {
        let mut mirror = mirror(&["https://node1"]);
        let id = fetch(&mut mirror, 0).id;
        let source = Source { url: "https://node1/v1/modules".into(), entity_tag: "\"x\"".into() };
        let saved = Saved { body: LIST.into(), source: Some(source), age: Duration::ZERO };
        mirror.restore(Millis(1), saved).unwrap();
        assert!(mirror.status(Millis(1)).fetching);
        // The request had no entity tag, so this says nothing about the snapshot.
        let outcome = mirror.answered(Millis(2), id, response(304, &[], ""));
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    }

    #[test]
    fn a_mirror_that_follows_another_is_as_old_as_it() {
        let mut first = mirror(&["https://node1"]);
        load(&mut first, 0, &[("etag", "\"x\""), ("age", "2")], LIST);
        let saved = first.save(Millis(0)).unwrap();
        let mut second = mirror(&["https://node1"]);
        let id = fetch(&mut second, 7).id;
        let since = Duration::from_millis(500);
        let outcome = second.follow(Millis(8), since, Ok(saved.clone()));
        assert_eq!(outcome, Outcome::Changed);
        let view = second.view(Millis(8)).unwrap();
        assert_eq!(view.age, Duration::from_millis(2500));
        assert_eq!(view.freshness, Freshness::Fresh { left: Duration::from_millis(59_500) });
        // Its own fetch is given up, and none of them is counted.
        assert_eq!(second.answered(Millis(9), id, response(200, &[], "[]")), Outcome::Late);
        assert_eq!(second.status(Millis(9)).fetches, Fetches::default());
        // It goes on as if the fetch had been its own.
        let until = wait(&mut second, 9);
        assert!(until > 9 && until < 8 + REFRESH, "{until}");
        assert_eq!(if_none_match(&fetch(&mut second, until)), Some("\"x\""));

        // The same list dates anew, and an older one changes nothing.
        let again = Saved { source: None, age: Duration::ZERO, ..saved.clone() };
        assert_eq!(second.follow(Millis(40_000), since, Ok(again)), Outcome::Unchanged);
        assert_eq!(second.view(Millis(40_000)).unwrap().age, since);
        let older = Saved { body: b"[]".to_vec(), ..saved.clone() };
        assert_eq!(second.follow(Millis(40_000), since, Ok(older)), Outcome::Unchanged);
        assert_eq!(handle(&second, 40_000, "/v1/modules").body, format!("{LIST}\n").as_bytes());

        // One that has been there for long is stale, and due.
        let mut third = mirror(&["https://node1"]);
        let long = Duration::from_secs(100);
        third.follow(Millis(0), long, Ok(saved.clone()));
        assert!(matches!(third.view(Millis(0)).unwrap().freshness, Freshness::Stale { .. }));
        fetch(&mut third, 0);
        let broken = Saved { body: b"[".to_vec(), age: Duration::ZERO, ..saved };
        let outcome = third.follow(Millis(0), Duration::ZERO, Ok(broken));
        assert!(matches!(outcome, Outcome::Failed(StoreError::Other(_))), "{outcome:?}");
    }

    #[test]
    fn a_mirror_that_follows_another_fails_with_its_reason() {
        let mut mirror = mirror(&["https://node1"]);
        let denied = StoreError::Denied("https://node1 answered 401".into());
        let outcome = mirror.follow(Millis(0), Duration::ZERO, Err(denied.clone()));
        assert_eq!(outcome, Outcome::Failed(denied));
        let expected = "nothing has been fetched yet; https://node1 answered 401";
        assert_eq!(mirror.view(Millis(0)).unwrap_err(), StoreError::Denied(expected.into()));
        assert!(wait(&mut mirror, 0) > 0);
    }

    #[test]
    fn a_clone_keeps_the_moment_it_was_made_in() {
        let mut mirror = mirror(&["https://node1"]);
        load(&mut mirror, 0, &[], LIST);
        let before = mirror.clone();
        let later = wait(&mut mirror, 0);
        load(&mut mirror, later, &[], "[]");
        assert_eq!(handle(&mirror, later, "/v1/modules").body, b"[]\n");
        assert_eq!(handle(&before, later, "/v1/modules").body, format!("{LIST}\n").as_bytes());
        assert_eq!(before.view(Millis(later)).unwrap().age, Duration::from_millis(later));
    }

    #[test]
    fn a_clock_may_stand_still_or_go_back() {
        let mut mirror = mirror(&["https://node1"]);
        load(&mut mirror, 1_000_000, &[], LIST);
        let until = wait(&mut mirror, 1_000_000);
        assert_eq!(wait(&mut mirror, 1_000_000), until);
        let left = until - 1_000_000;
        assert_eq!(wait(&mut mirror, 0), left);
        assert_eq!(mirror.view(Millis(2000)).unwrap().age, Duration::from_secs(2));
        assert!(mirror.status(Millis(u64::MAX)).freshness.is_err());
        fetch(&mut mirror, left);
    }

    #[test]
    fn a_mirror_shows_no_credentials() {
        let mut mirror = mirror(&["https://node1"]);
        let fetch = fetch(&mut mirror, 0);
        let shown =
            vec![format!("{mirror:?}"), format!("{fetch:?}"), format!("{:?}", mirror.config)];
        for shown in shown {
            for secret in ["ann", "secret", "YW5u"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
