//! The fetches of a mirror.

use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;

use crate::error::StoreError;
use crate::mirror::config::Config;
use crate::mirror::kept::{Dates, Kept, Saved};
use crate::mirror::reader::Reader;
use crate::mirror::schedule::Schedule;
use crate::mirror::time::{Clock, Timestamp};
use crate::snapshot::SnapshotError;
use crate::upstream::{Answer, Cursor, Request, Response};

/// A cluster's catalog that is kept fresh. [The module](self::super) has the way to drive it.
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
    request: Request,
    request_time: Duration,
    deadline: Duration,
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
#[non_exhaustive]
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

impl Mirror {
    /// Makes a mirror without a catalog. The seed is a random number. Mirrors with the same seed ask at
    /// the same moments.
    pub fn new(config: Config, seed: u64) -> Self {
        let cursor = Cursor::new(config.upstream.nodes().len());
        Self {
            schedule: Schedule::new(config.refresh, seed),
            reader: Reader {
                config: Arc::new(config),
                clock: Clock::default(),
                kept: None,
                failure: None,
                cursor,
                is_fetching: false,
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

    /// Returns what to do next: send a request, if one is due and none is outstanding, or wait.
    pub fn poll(&mut self, now: Timestamp) -> Poll {
        let time = self.reader.clock.advance(now);

        if let Some(late) = self.outstanding.take_if(|outstanding| time >= outstanding.deadline) {
            let timeout = self.reader.config.upstream.timeout();
            let why = format!("no response in {} ms", timeout.as_millis());
            self.end(time, Err(late.request.failed(&why)));
        }

        let until = match &self.outstanding {
            Some(outstanding) => outstanding.deadline,
            None if time < self.due => self.due,
            None => return self.begin(time),
        };
        Poll::Wait { until: self.reader.clock.moment(now, until) }
    }

    /// Takes the response to a fetch. The body is checked whole before it replaces anything.
    pub fn answered(&mut self, now: Timestamp, id: FetchId, response: Response) -> Outcome {
        let time = self.reader.clock.advance(now);
        let Some(Outstanding { request, request_time, .. }) = self.take(id) else {
            return Outcome::Late;
        };

        let config = self.reader.config.clone();
        let kept = &mut self.reader.kept;
        let ended = match config.upstream.read(&request, response) {
            Ok(Answer::Body { age, body, validator }) => {
                let dates = Dates::requested(request_time, age);
                let replaced = Kept::replace(kept, &body, validator, dates, &config.limits);
                replaced.map_err(|error| request.failed(&format!("the list is refused: {error}")))
            }
            Ok(Answer::NotFound) => Err(request.failed("there is no list")),
            Ok(Answer::Redirect(request)) => return self.redirect(time, request),
            Ok(Answer::Unchanged { age }) => {
                if let Some(kept) = kept {
                    kept.dates = Dates::requested(request_time, age);
                }
                Ok(false)
            }
            Err(error) => Err(error),
        };
        self.end(time, ended)
    }

    /// Takes the reason why a fetch has no response. It is in the shell's own words, which reach clients
    /// and contain no credentials.
    pub fn failed(&mut self, now: Timestamp, id: FetchId, why: &str) -> Outcome {
        let time = self.reader.clock.advance(now);
        match self.take(id) {
            Some(Outstanding { request, .. }) => self.end(time, Err(request.failed(why))),
            None => Outcome::Late,
        }
    }

    /// Keeps a catalog that was saved. Its `age` is the one at this moment: the age when it was saved,
    /// and the time since, by a clock that runs while the program does not. Does nothing if a catalog is
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

        let Saved { body, validator, age } = saved;
        let dates = Dates { request_time: time, age, since_validation: age };
        let Reader { config, kept, .. } = &mut self.reader;
        Kept::replace(kept, &body, validator, dates, &config.limits)?;

        if self.redirect.is_none() {
            self.due = time.saturating_add(self.schedule.after_restore(age));
        }
        Ok(())
    }

    /// Adopts the outcome of a fetch that another mirror of the same source made, and that ended this
    /// long ago: the catalog that it [saved](Reader::save) then, or its failure. A fetch of this mirror
    /// that is outstanding is given up. So one fetch is enough for all mirrors of a program.
    pub fn adopt(
        &mut self,
        now: Timestamp,
        since: Duration,
        ended: Result<Saved, StoreError>,
    ) -> Outcome {
        let time = self.reader.clock.advance(now);
        self.outstanding = None;
        let ended = ended.and_then(|saved| self.keep_adopted(time, since, saved));
        self.go_on(time, since, ended)
    }

    /// Keeps the catalog of another mirror, unless what is kept is younger. Returns whether the catalog
    /// differs.
    fn keep_adopted(
        &mut self,
        time: Duration,
        since: Duration,
        saved: Saved,
    ) -> Result<bool, StoreError> {
        let Reader { config, kept, .. } = &mut self.reader;
        let Saved { body, validator, age } = saved;
        let age = age.saturating_add(since);
        if kept.as_ref().is_some_and(|kept| kept.dates.age(time) < age) {
            return Ok(false);
        }

        let dates = Dates { request_time: time, age, since_validation: since };
        Kept::replace(kept, &body, validator, dates, &config.limits).map_err(|error| {
            StoreError::Other(format!("the list of another mirror is refused: {error}"))
        })
    }

    /// Begins a fetch.
    fn begin(&mut self, time: Duration) -> Poll {
        let Reader { config, cursor, .. } = &self.reader;
        let list = || config.upstream.list(cursor.node(), self.reader.validator());
        // An upstream has at least one node, and the cursor is at one of them.
        let Some(request) = self.redirect.take().or_else(list) else {
            return Poll::Wait { until: Timestamp(u64::MAX) };
        };

        self.last_id += 1;
        let (id, timeout) = (FetchId(self.last_id), config.upstream.timeout());
        let fetch = Fetch { id, request: request.clone(), timeout };
        let deadline = time.saturating_add(timeout);
        self.outstanding = Some(Outstanding { id, request, request_time: time, deadline });
        self.reader.is_fetching = true;
        Poll::Fetch(fetch)
    }

    /// Takes the outstanding fetch, if it has this id.
    fn take(&mut self, id: FetchId) -> Option<Outstanding> {
        self.outstanding.take_if(|outstanding| outstanding.id == id)
    }

    /// Goes on at another node, at once.
    fn redirect(&mut self, time: Duration, request: Request) -> Outcome {
        self.reader.fetches.redirected += 1;
        self.reader.cursor.redirect(request.node);
        self.redirect = Some(request);
        self.wait(time);
        Outcome::Redirected
    }

    /// Ends a fetch of this mirror, of which either a catalog is kept, which differs or not, or there is
    /// an error.
    fn end(&mut self, time: Duration, ended: Result<bool, StoreError>) -> Outcome {
        let Reader { cursor, fetches, .. } = &mut self.reader;
        match ended {
            Ok(true) => fetches.changed += 1,
            Ok(false) => fetches.unchanged += 1,
            Err(_) => {
                fetches.failed += 1;
                cursor.advance();
            }
        }
        self.go_on(time, Duration::ZERO, ended)
    }

    /// Goes on after a fetch that ended this long ago.
    fn go_on(
        &mut self,
        time: Duration,
        since: Duration,
        ended: Result<bool, StoreError>,
    ) -> Outcome {
        let wait = match &ended {
            Ok(_) => self.schedule.after_success(),
            Err(_) => self.schedule.after_failure(self.reader.kept.is_some()),
        };
        self.redirect = None;
        self.wait(time.saturating_add(wait.saturating_sub(since)));

        self.reader.failure = ended.as_ref().err().cloned();
        match ended {
            Ok(true) => Outcome::Changed,
            Ok(false) => Outcome::Unchanged,
            Err(error) => Outcome::Failed(error),
        }
    }

    /// Waits for the next fetch.
    fn wait(&mut self, due: Duration) {
        self.reader.is_fetching = false;
        self.due = due;
    }
}
