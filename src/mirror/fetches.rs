//! The fetches of a mirror.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::mirror::config::Config;
use crate::mirror::kept::{Changes, Dates, Kept, Received, Saved, Validation};
use crate::mirror::reader::Reader;
use crate::mirror::schedule::Schedule;
use crate::mirror::source::{Content, Dated, Failure, Question, Source, Stored};
use crate::mirror::time::{Clock, Timestamp};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::upstream::{CacheStatus, Request, Response};

/// A catalog that is kept fresh. [The module](self::super) has the way to drive it.
#[derive(Debug)]
pub struct Mirror {
    reader: Reader,
    schedule: Schedule,
    outstanding: Option<Outstanding>,
    /// The time at which the next fetch is due, if nothing is outstanding.
    due: Duration,
    /// The request that a redirect led to, which is sent next.
    redirect: Option<Request>,
    last_id: u64,
}

/// A fetch that has not ended. Times are counted from the first call, as [`Clock`] counts them.
#[derive(Debug)]
struct Outstanding {
    id: FetchId,
    question: Question,
    request_time: Duration,
    deadline: Duration,
}

/// The greatest error of an `age`, which is in whole seconds.
const AGE_ERROR: Duration = Duration::from_secs(2);

/// The next thing to do.
#[derive(Debug)]
#[must_use = "a fetch that is not made is waited for until its timeout"]
pub enum Poll {
    /// Ask the source.
    Fetch(Fetch),
    /// Do nothing until this moment.
    Wait {
        /// The moment, later than the one of the poll.
        until: Timestamp,
    },
}

/// A fetch to make.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetch {
    /// The number to give back with the answer.
    pub id: FetchId,
    /// The question to the source.
    pub question: Question,
    /// The time to wait for the whole answer. After it the mirror goes on without.
    pub timeout: Duration,
}

/// The number of a fetch. A mirror uses each once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchId(u64);

impl From<u64> for FetchId {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl From<FetchId> for u64 {
    fn from(id: FetchId) -> Self {
        id.0
    }
}

/// The outcome of a fetch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Another catalog than before, or the first one.
    Changed(Changes),
    /// Nothing that can be used. The catalog, if there is one, is kept.
    Failed(Error),
    /// The end of a fetch that was given up before. The mirror has not changed.
    Late,
    /// A redirect to a configured node. The next poll returns the request.
    Redirected,
    /// The same catalog as before.
    Unchanged,
}

/// The numbers of fetches by outcome, since the mirror was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
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

/// The end of a fetch, for the other mirrors of a source in one program.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// The index of the node that was asked.
    pub node: usize,
    /// The body of the catalog that was kept after the fetch. `None` if the mirror that adopts the fetch
    /// keeps the same body already, so that nothing is copied.
    pub body: Option<Vec<u8>>,
    /// The validator and the ages of that catalog. `None` if there is no catalog.
    pub validation: Option<Validation>,
    /// The failure, if the fetch failed.
    pub failure: Option<Failure>,
}

impl Ended {
    /// Makes the end of a fetch, without a body.
    pub fn new(node: usize, validation: Option<Validation>, failure: Option<Failure>) -> Self {
        Self { node, body: None, validation, failure }
    }

    /// Adds the body of the catalog, for a mirror that does not keep the same one.
    #[must_use]
    pub fn with_body(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// The least timeout of a fetch that is shortened because the catalog will soon be too old to answer.
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);

impl Mirror {
    /// Makes a mirror without a catalog. The seed is a random number. Mirrors with the same seed ask at
    /// the same moments.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            schedule: Schedule::new(config.refresh, config.source.nodes(), seed),
            reader: Reader {
                config: Arc::new(config),
                clock: Clock::default(),
                kept: None,
                failure: None,
                node: 0,
                asked: 0,
                is_fetching: false,
                read_time: Duration::ZERO,
                fetches: FetchCounts::default(),
            },
            outstanding: None,
            due: Duration::ZERO,
            redirect: None,
            last_id: 0,
        }
    }

    /// Lends the handle to answer from.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns what to do next: a fetch, if one is due and none is outstanding, or to wait.
    pub fn poll(&mut self, now: Timestamp) -> Poll {
        let time = self.reader.clock.advance(now);

        if let Some(Outstanding { id, request_time, deadline, .. }) = self.outstanding
            && time >= deadline
        {
            let timeout = deadline.saturating_sub(request_time);
            let why = format!("no response in {} ms", timeout.as_millis());
            self.failed(now, id, StoreError::Unavailable(why));
        }

        let until = match &self.outstanding {
            Some(outstanding) => outstanding.deadline,
            None if time < self.due => self.due,
            None => return self.begin(time),
        };
        Poll::Wait { until: self.reader.clock.moment(now, until) }
    }

    /// Takes the response to a request. The body is checked whole before it replaces anything.
    pub fn answered(&mut self, now: Timestamp, id: FetchId, response: Response) -> Outcome {
        self.end(now, id, |source, question| question.read(source, response))
    }

    /// Takes the answer of a store. The documents are checked whole before they replace anything.
    pub fn stored(&mut self, now: Timestamp, id: FetchId, stored: Stored) -> Outcome {
        self.end(now, id, |_, question| question.read_stored(stored))
    }

    /// Takes the reason why a fetch has no answer. It is in the shell's own words, which reach clients and
    /// contain no credentials. The error of a request is always [`StoreError::Unavailable`], since only a
    /// response can refuse the credentials.
    pub fn failed(&mut self, now: Timestamp, id: FetchId, error: StoreError) -> Outcome {
        self.end(now, id, |_, question| Err(question.failed(error).into()))
    }

    /// Keeps a catalog that was saved. To its `age` and to its time since validation, the shell has added the
    /// time since it was saved, by a clock that runs while the program does not. Does nothing if a catalog is
    /// kept already.
    ///
    /// # Errors
    ///
    /// If the body is not a catalog.
    pub fn restore(&mut self, now: Timestamp, saved: Saved) -> Result<(), SnapshotError> {
        let time = self.reader.clock.advance(now);
        if self.reader.kept.is_some() {
            return Ok(());
        }

        // What has no date is due at once.
        let since = saved.age.map_or(Duration::MAX, |_| saved.since_validation);
        let (body, validation) = saved.into_parts();
        self.keep(time, Duration::ZERO, body, validation)?;
        if self.redirect.is_none() {
            let left = self.reader.left(time).unwrap_or_default();
            self.due = time.saturating_add(self.schedule.after_restore(since, left));
        }
        Ok(())
    }

    /// Adopts a fetch that another mirror of the same source made, and that [ended](Reader::ended) this
    /// long ago: its catalog, unless this mirror's is younger, its failure, and the node that was asked. A
    /// fetch of this mirror that is outstanding is given up. So one fetch is enough for all mirrors of a
    /// program.
    pub fn adopt(&mut self, now: Timestamp, since: Duration, ended: Ended) -> Outcome {
        let time = self.reader.clock.advance(now);
        self.outstanding = None;

        let Ended { node, body, validation, failure } = ended;
        let is_younger = |validation: &Validation| match (&self.reader.kept, validation.age) {
            (Some(kept), Some(age)) => {
                kept.dates.age(time).is_none_or(|kept| age.saturating_add(since) <= kept)
            }
            (kept, _) => kept.is_none(),
        };
        let kept = match (validation.filter(is_younger), body) {
            (Some(validation), Some(body)) => {
                self.keep(time, since, body, validation).map_err(|error| {
                    let why = format!("the list of another mirror is refused: {error}");
                    StoreError::Other(why).into()
                })
            }
            (Some(validation), None) => {
                if let Some(kept) = &mut self.reader.kept {
                    kept.dates = Dates::of(&validation, time, since);
                    kept.validator = validation.validator;
                }
                Ok(None)
            }
            (None, _) => Ok(None),
        };
        self.go_on(time, since, node, failure.map_or(kept, Err))
    }

    /// Forgets that the cluster refused the credentials, and asks it at once, for a shell that has new ones.
    pub fn renew(&mut self, now: Timestamp) {
        let time = self.reader.clock.advance(now);
        self.schedule.renew();
        self.due = self.schedule.not_before(self.reader.node).max(time);
    }

    /// Keeps a catalog whose ages were measured this long ago.
    fn keep(
        &mut self,
        time: Duration,
        since: Duration,
        body: Vec<u8>,
        validation: Validation,
    ) -> Result<Option<Changes>, SnapshotError> {
        let dates = Dates::of(&validation, time, since);
        let snapshot = self.check(&Received::Body(body))?;
        Ok(Kept::replace(&mut self.reader.kept, snapshot, validation.validator, dates))
    }

    /// Begins a fetch.
    fn begin(&mut self, time: Duration) -> Poll {
        let Reader { config, node, .. } = &self.reader;
        let question = || config.source.question(*node, self.reader.validator());
        let redirect = self.redirect.take().map(Question::Request);
        // A cluster has at least one node, and the next one is among them.
        let Some(question) = redirect.or_else(question) else {
            return Poll::Wait { until: Timestamp(u64::MAX) };
        };

        // A fetch that hangs leaves time for another one while the catalog may answer.
        let left =
            self.reader.left(time).map_or(Duration::MAX, |left| (left / 2).max(LEAST_TIMEOUT));
        let timeout = config.source.timeout().min(left);

        self.last_id += 1;
        let id = FetchId(self.last_id);
        let fetch = Fetch { id, question: question.clone(), timeout };
        let deadline = time.saturating_add(timeout);
        self.outstanding = Some(Outstanding { id, question, request_time: time, deadline });
        self.reader.is_fetching = true;
        Poll::Fetch(fetch)
    }

    /// Ends the fetch with this id, by a function that reads its answer.
    fn end(
        &mut self,
        now: Timestamp,
        id: FetchId,
        read: impl FnOnce(&Source, &Question) -> Result<Content, Failure>,
    ) -> Outcome {
        let time = self.reader.clock.advance(now);
        let Some(Outstanding { question, request_time, .. }) =
            self.outstanding.take_if(|outstanding| outstanding.id == id)
        else {
            return Outcome::Late;
        };

        let ended = match read(&self.reader.config.source, &question) {
            Ok(Content::Catalog { received, validator, dated }) => self
                .check(&received)
                .map_err(|error| question.refused(error))
                .and_then(|snapshot| {
                    let dates = self.dates(dated, request_time, Some(&snapshot), &question)?;
                    Ok(Kept::replace(&mut self.reader.kept, snapshot, validator, dates))
                }),
            Ok(Content::Redirect(request)) if self.schedule.not_before(request.node) > time => {
                Err(request.failed("this node asked not to be asked again so soon").into())
            }
            Ok(Content::Redirect(request)) => return self.redirect(time, request),
            Ok(Content::Unchanged { dated }) => {
                self.dates(dated, request_time, None, &question).map(|dates| {
                    if let Some(kept) = &mut self.reader.kept {
                        kept.dates = dates;
                    }
                    None
                })
            }
            Err(failure) => Err(failure),
        };

        let Reader { config, fetches, node, read_time, .. } = &mut self.reader;
        if ended.is_ok() && matches!(config.source, Source::Store { .. }) {
            *read_time = time.saturating_sub(request_time);
        }
        match ended {
            Ok(Some(_)) => fetches.changed += 1,
            Ok(None) => fetches.unchanged += 1,
            Err(_) => fetches.failed += 1,
        }
        let node = *node;
        self.go_on(time, Duration::ZERO, node, ended)
    }

    /// Checks a catalog. The bytes of the one that is kept are not checked again.
    fn check(&self, received: &Received) -> Result<Arc<Snapshot>, SnapshotError> {
        match &self.reader.kept {
            Some(kept) if received.is(&kept.snapshot) => Ok(kept.snapshot.clone()),
            _ => Ok(Arc::new(received.check(&self.reader.config.limits)?)),
        }
    }

    /// Returns the dates of a catalog that came now. `None` stands for the kept catalog. An answer with the same
    /// bytes as before has the younger of the two ages.
    ///
    /// It is a failure of the node if the catalog is too old to answer, if it differs from the kept one and
    /// is older (RFC 9111, section 4), or if it has no module although the kept one has.
    fn dates(
        &self,
        Dated { age, cache_status }: Dated,
        request_time: Duration,
        snapshot: Option<&Snapshot>,
        question: &Question,
    ) -> Result<Dates, Failure> {
        let Reader { config, kept, .. } = &self.reader;
        let failed = |why: String| Err(question.failed(StoreError::Unavailable(why)).into());
        let old =
            |why: &str| failed(format!("the list is {} seconds old, and {why}", age.as_secs()));
        if age > config.stale_if_error {
            return old(&format!("at most {} may be", config.stale_if_error.as_secs()));
        }

        let kept_age = kept.as_ref().and_then(|kept| kept.dates.age(request_time));
        let other =
            kept.as_ref().zip(snapshot).filter(|(kept, new)| kept.snapshot.body() != new.body());
        if other.is_some() && kept_age.is_some_and(|kept| kept.saturating_add(AGE_ERROR) < age) {
            return old("a younger one is kept");
        }
        if other.is_some_and(|(_, new)| new.is_empty()) && !config.allow_empty {
            let why = "the cluster lists no module; if that is right, set allow_empty";
            return failed(why.into());
        }

        let stale = match cache_status {
            CacheStatus::Absent if age >= config.fresh_age => {
                Some(format!("the list was {} seconds old when it came", age.as_secs()))
            }
            CacheStatus::Absent | CacheStatus::Fresh => None,
            CacheStatus::Stale(why) if why.is_empty() => {
                Some("the list was stale when it came".into())
            }
            CacheStatus::Stale(why) => Some(format!("the list was stale when it came: {why}")),
        };
        Ok(Dates {
            request_time,
            age: Some(if other.is_some() { age } else { age.min(kept_age.unwrap_or(age)) }),
            since_validation: Duration::ZERO,
            stale: stale.map(|why| question.failed(StoreError::Unavailable(why))),
        })
    }

    /// Follows a redirect to another node, at once.
    fn redirect(&mut self, time: Duration, request: Request) -> Outcome {
        self.reader.fetches.redirected += 1;
        self.reader.node = request.node;
        self.redirect = Some(request);
        self.wait(time);
        Outcome::Redirected
    }

    /// Goes on after a fetch that asked this node and ended this long ago.
    fn go_on(
        &mut self,
        time: Duration,
        since: Duration,
        node: usize,
        ended: Result<Option<Changes>, Failure>,
    ) -> Outcome {
        let failed_before = self.reader.failure.take();
        self.redirect = None;
        self.reader.asked = node;

        match ended {
            Ok(changes) => {
                let left = self.reader.left(time).unwrap_or_default();
                let timeout = self.reader.config.source.timeout();
                let wait = self.schedule.after_success(left, timeout);
                self.reader.node = node;
                self.wait(time.saturating_add(wait.saturating_sub(since)));
                changes.map_or(Outcome::Unchanged, Outcome::Changed)
            }
            Err(mut failure) => {
                // After a denial, another kind of failure is no reason to answer for longer.
                failure.is_denied |= failed_before.is_some_and(|before| before.is_denied);
                let error = failure.error.clone();
                self.go_on_after(time, since, node, failure);
                Outcome::Failed(error)
            }
        }
    }

    /// Goes on after a fetch that failed at this node this long ago.
    fn go_on_after(&mut self, time: Duration, since: Duration, node: usize, mut failure: Failure) {
        let Reader { config, failure: last, .. } = &mut self.reader;
        let is_refused = matches!(failure.error, Error::Store(StoreError::Denied(_)));
        let is_cluster = matches!(config.source, Source::Cluster(_));
        if is_refused && is_cluster {
            let wait = self.schedule.after_refusal(time.saturating_sub(since));
            failure.wait = failure.wait.max(wait);
        }
        let asked_to_wait = failure.wait.saturating_sub(since);
        let refresh = config.refresh;
        *last = Some(failure);

        let wait = match (is_refused, is_cluster) {
            (true, true) => asked_to_wait,
            (true, false) => refresh.saturating_sub(since),
            (false, _) => {
                let left = self.reader.left(time);
                self.schedule.exclude(node, time, asked_to_wait, left);
                self.schedule.after_failure(left).saturating_sub(since)
            }
        };
        let (next, due) = self.schedule.next_node(node, time.saturating_add(wait));
        self.reader.node = next;
        self.wait(due);
    }

    /// Waits for the next fetch.
    fn wait(&mut self, due: Duration) {
        self.reader.is_fetching = false;
        self.due = due;
    }
}
