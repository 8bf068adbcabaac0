//! The fetches of a mirror.

use alloc::format;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::error::StoreError;
use crate::mirror::config::Config;
use crate::mirror::kept::{Kept, Saved};
use crate::mirror::schedule::Schedule;
use crate::mirror::time::{Clock, Timestamp};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::upstream::{Answer, Cursor, Request, Response};

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
/// 5. Answer requests at any time, from what is kept.
/// 6. To start while the cluster is down, [save](Self::save) what is kept, and
///    [restore](Self::restore) it.
///
/// A shell that blocks does 2 to 4 in one loop. One that awaits does the same and awaits in it. One
/// that is called back does 2 in a timer:
///
/// ```
/// use std::time::Duration;
/// use ccs_modules::access::Caller;
/// use ccs_modules::mirror::{Config, Fetch, FetchId, Mirror, Timestamp, Outcome, Poll};
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
/// fn turn(mirror: &mut Mirror, now: Timestamp) -> Timestamp {
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
/// async fn turn_async(mirror: &mut Mirror, now: Timestamp) -> Timestamp {
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
///     fn on_tick(&mut self, now: Timestamp) {
///         if let Poll::Fetch(fetch) = self.mirror.poll(now) {
///             self.sent = Some(fetch.id); // and dispatches the request
///         }
///     }
///     fn on_response(&mut self, now: Timestamp, response: upstream::Response) {
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
/// assert_eq!(mirror.handle(Timestamp(0), &request).status, 503);
///
/// let mut now = Timestamp(0);
/// while now < Timestamp(3_600_000) {
///     now = turn(&mut mirror, now);
/// }
/// let response = mirror.handle(now, &request);                           // 5
/// assert_eq!(response.status, 200);
/// assert!(response.headers.iter().any(|(name, _)| name == "age"));
///
/// let saved = mirror.save(now).expect("a snapshot is kept");            // 6
/// let mut restarted = Mirror::new(Config::parse(config)?, 4712);
/// restarted.restore(Timestamp(0), saved)?;
/// assert_eq!(restarted.handle(Timestamp(0), &request).status, 200);
///
/// let later = futures_lite::future::block_on(turn_async(&mut restarted, Timestamp(60_000)));
/// assert_eq!(later, Timestamp(60_000));
///
/// let mut filter = Filter { mirror: Mirror::new(Config::parse(config)?, 4713), sent: None };
/// filter.on_tick(Timestamp(0));
/// let response = upstream::Response { status: 200, headers: vec![], body: b"[]".to_vec() };
/// filter.on_response(Timestamp(12), response);
/// assert!(filter.mirror.view(Timestamp(12)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A clone costs little: it shares the snapshot. A shell with threads answers from a clone while the
/// mirror itself takes a response, which checks a body and can take long.
#[derive(Clone)]
pub struct Mirror {
    pub(super) config: Config,
    pub(super) clock: Clock,
    schedule: Schedule,
    pub(super) phase: Phase,
    pub(super) cursor: Cursor,
    last_id: u64,
    pub(super) kept: Option<Kept>,
    /// The reason of the last failure, if no fetch has succeeded since.
    pub(super) failure: Option<StoreError>,
    pub(super) fetches: FetchCounts,
}

/// The state of the fetches. Times are counted from the first call, as [`Clock`] counts them.
#[derive(Clone)]
pub(super) enum Phase {
    /// One request is outstanding.
    Fetching { id: FetchId, request: Request, request_time: Duration },
    /// Nothing is outstanding. `redirect` is the request that a redirect led to.
    Waiting { until: Duration, redirect: Option<Request> },
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
        until: Timestamp,
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
pub struct FetchCounts {
    /// Fetches that brought another catalog than before, or the first one.
    pub changed: u64,
    /// Fetches that failed, those without a response in time included.
    pub failed: u64,
    /// Fetches that were redirected.
    pub redirected: u64,
    /// Fetches that brought the same catalog as before.
    pub unchanged: u64,
}

impl Mirror {
    /// Makes a mirror that holds nothing yet. The seed is a random number: mirrors with the same one
    /// ask at the same moments.
    pub fn new(config: Config, seed: u64) -> Self {
        let cursor = Cursor::new(config.upstream.nodes().len());
        Self {
            schedule: Schedule::new(config.refresh, seed),
            config,
            clock: Clock::default(),
            phase: Phase::Waiting { until: Duration::ZERO, redirect: None },
            cursor,
            last_id: 0,
            kept: None,
            failure: None,
            fetches: FetchCounts::default(),
        }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Says what to do next: send a request, if one is due and none is outstanding, or wait.
    pub fn poll(&mut self, now: Timestamp) -> Poll {
        let time = self.clock.advance(now);
        if let Phase::Fetching { request, request_time, .. } = &self.phase {
            let timeout = self.config.upstream.timeout();
            if time >= request_time.saturating_add(timeout) {
                let why = format!("no response in {} ms", timeout.as_millis());
                let error = request.failed(&why);
                self.fail(time, error);
            }
        }
        let until = match &mut self.phase {
            Phase::Fetching { request_time, .. } => {
                request_time.saturating_add(self.config.upstream.timeout())
            }
            Phase::Waiting { until, .. } if time < *until => *until,
            Phase::Waiting { redirect, .. } => {
                let redirect = redirect.take();
                return self.begin(time, redirect);
            }
        };
        Poll::Wait { until: self.clock.moment(now, until) }
    }

    /// Takes the response to a fetch. The body is checked whole before it replaces anything.
    pub fn answered(&mut self, now: Timestamp, id: FetchId, response: Response) -> Outcome {
        let time = self.clock.advance(now);
        let Some((request, request_time)) = self.end(id, time) else {
            return Outcome::Late;
        };
        match self.config.upstream.read(&request, response) {
            Ok(Answer::Body { age, body, validator }) => match self.check(&body) {
                Ok(Some(snapshot)) => {
                    let since_validation = Duration::ZERO;
                    let snapshot = Arc::new(snapshot);
                    self.kept =
                        Some(Kept { snapshot, validator, request_time, age, since_validation });
                    self.succeed(time, Outcome::Changed)
                }
                Ok(None) => {
                    self.revalidate(request_time, age);
                    if let Some(kept) = &mut self.kept {
                        kept.validator = validator;
                    }
                    self.succeed(time, Outcome::Unchanged)
                }
                Err(error) => {
                    let why = format!("the list is refused: {error}");
                    self.fail(time, request.failed(&why))
                }
            },
            Ok(Answer::NotFound) => self.fail(time, request.failed("there is no list")),
            Ok(Answer::Redirect(request)) => {
                self.cursor.redirect(request.node);
                self.phase = Phase::Waiting { until: time, redirect: Some(request) };
                self.fetches.redirected += 1;
                Outcome::Redirected
            }
            Ok(Answer::Unchanged { age }) => {
                self.revalidate(request_time, age);
                self.succeed(time, Outcome::Unchanged)
            }
            Err(error) => self.fail(time, error),
        }
    }

    /// Takes the news that a fetch has no response, and why: in the shell's own words, which reach
    /// clients and hold no credentials.
    pub fn failed(&mut self, now: Timestamp, id: FetchId, why: &str) -> Outcome {
        let time = self.clock.advance(now);
        match self.end(id, time) {
            Some((request, _)) => self.fail(time, request.failed(why)),
            None => Outcome::Late,
        }
    }

    /// Holds a snapshot that was saved. Its `age` is the one at this moment: the age it had when it
    /// was saved and the time since, by a clock that runs while the program does not. Does nothing if
    /// a snapshot is kept already.
    ///
    /// # Errors
    ///
    /// If the body is not a catalog.
    pub fn restore(&mut self, now: Timestamp, saved: Saved) -> Result<(), SnapshotError> {
        let time = self.clock.advance(now);
        if self.kept.is_some() {
            return Ok(());
        }
        let Saved { body, validator, age } = saved;
        let snapshot = Arc::new(Snapshot::parse(&body, &self.config.limits)?);
        self.kept =
            Some(Kept { snapshot, validator, request_time: time, age, since_validation: age });
        if matches!(self.phase, Phase::Waiting { redirect: None, .. }) {
            let until = time.saturating_add(self.schedule.after_restore(age));
            self.phase = Phase::Waiting { until, redirect: None };
        }
        Ok(())
    }

    /// Takes over the outcome of a fetch that another mirror of this upstream made, and ended this long
    /// ago: what it [saved](Self::save) then, or why it failed. A fetch of this mirror that is
    /// outstanding is given up. So one fetch is enough for all mirrors of a program.
    pub fn adopt(
        &mut self,
        now: Timestamp,
        since: Duration,
        ended: Result<Saved, StoreError>,
    ) -> Outcome {
        let time = self.clock.advance(now);
        let (outcome, wait) = match ended.and_then(|saved| self.adopt_saved(time, since, saved)) {
            Ok(outcome) => {
                self.failure = None;
                (outcome, self.schedule.after_success())
            }
            Err(error) => {
                self.failure = Some(error.clone());
                let wait = self.schedule.after_failure(self.kept.is_some());
                (Outcome::Failed(error), wait)
            }
        };
        let until = time.saturating_add(wait.saturating_sub(since));
        self.phase = Phase::Waiting { until, redirect: None };
        outcome
    }

    /// Holds a snapshot of another mirror, unless the one that is kept is younger.
    fn adopt_saved(
        &mut self,
        time: Duration,
        since: Duration,
        saved: Saved,
    ) -> Result<Outcome, StoreError> {
        let Saved { body, validator, age } = saved;
        let age = age.saturating_add(since);
        if self.kept.as_ref().is_some_and(|kept| kept.age_at(time) < age) {
            return Ok(Outcome::Unchanged);
        }
        let changed = self.check(&body).map_err(|error| {
            StoreError::Other(format!("the list of another mirror is refused: {error}"))
        })?;
        match (changed, &mut self.kept) {
            (Some(snapshot), kept) => {
                let snapshot = Arc::new(snapshot);
                *kept = Some(Kept {
                    snapshot,
                    validator,
                    request_time: time,
                    age,
                    since_validation: since,
                });
                Ok(Outcome::Changed)
            }
            (None, Some(kept)) => {
                (kept.validator, kept.request_time, kept.age, kept.since_validation) =
                    (validator, time, age, since);
                Ok(Outcome::Unchanged)
            }
            (None, None) => Ok(Outcome::Unchanged),
        }
    }

    /// Begins a fetch.
    fn begin(&mut self, time: Duration, redirect: Option<Request>) -> Poll {
        let upstream = &self.config.upstream;
        let validator = self.kept.as_ref().and_then(|kept| kept.validator.as_deref());
        // An upstream has at least one node, and the cursor is at one of them.
        let Some(request) = redirect.or_else(|| upstream.list(self.cursor.node(), validator))
        else {
            return Poll::Wait { until: Timestamp(u64::MAX) };
        };
        self.last_id += 1;
        let id = FetchId(self.last_id);
        let fetch = Fetch { id, request: request.clone(), timeout: upstream.timeout() };
        self.phase = Phase::Fetching { id, request, request_time: time };
        Poll::Fetch(fetch)
    }

    /// Ends the fetch with this id, and returns its request and when it was sent; none if it is not
    /// the one that is outstanding.
    fn end(&mut self, id: FetchId, time: Duration) -> Option<(Request, Duration)> {
        let ended = Phase::Waiting { until: time, redirect: None };
        match core::mem::replace(&mut self.phase, ended) {
            Phase::Fetching { id: outstanding, request, request_time } if outstanding == id => {
                Some((request, request_time))
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Checks a body, and returns its catalog; none if it is the one that is kept.
    fn check(&self, body: &[u8]) -> Result<Option<Snapshot>, SnapshotError> {
        let is_held =
            |body: &[u8]| self.kept.as_ref().is_some_and(|kept| kept.snapshot.body() == body);
        if is_held(body) {
            return Ok(None);
        }
        let snapshot = Snapshot::parse(body, &self.config.limits)?;
        Ok((!is_held(snapshot.body())).then_some(snapshot))
    }

    /// Dates the snapshot to a fetch that found it unchanged.
    fn revalidate(&mut self, request_time: Duration, age: Duration) {
        if let Some(kept) = &mut self.kept {
            (kept.request_time, kept.age, kept.since_validation) =
                (request_time, age, Duration::ZERO);
        }
    }

    fn succeed(&mut self, time: Duration, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Changed => self.fetches.changed += 1,
            _ => self.fetches.unchanged += 1,
        }
        self.failure = None;
        let until = time.saturating_add(self.schedule.after_success());
        self.phase = Phase::Waiting { until, redirect: None };
        outcome
    }

    fn fail(&mut self, time: Duration, error: StoreError) -> Outcome {
        self.fetches.failed += 1;
        self.cursor.advance();
        self.failure = Some(error.clone());
        let until = time.saturating_add(self.schedule.after_failure(self.kept.is_some()));
        self.phase = Phase::Waiting { until, redirect: None };
        Outcome::Failed(error)
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
