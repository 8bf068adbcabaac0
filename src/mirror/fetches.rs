//! The fetches of a mirror.

use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;

use crate::error::{Error, Malformed, StoreError};
use crate::mirror::config::Config;
use crate::mirror::kept::{Changes, Dates, Kept, Received, Saved};
use crate::mirror::reader::Reader;
use crate::mirror::schedule::Schedule;
use crate::mirror::source::{Question, Source, Stored};
use crate::mirror::time::{Clock, Timestamp};
use crate::snapshot::SnapshotError;
use crate::upstream::{Answer, Request, Response};

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
    /// Not the outstanding fetch, but one that was given up. Nothing happened.
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

impl Mirror {
    /// Makes a mirror without a catalog. The seed is a random number. Mirrors with the same seed ask at
    /// the same moments.
    pub fn new(config: Config, seed: u64) -> Self {
        let cursor = config.source.cursor();
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

    /// Returns what to do next: a fetch, if one is due and none is outstanding, or to wait.
    pub fn poll(&mut self, now: Timestamp) -> Poll {
        let time = self.reader.clock.advance(now);

        if let Some(late) = self.outstanding.take_if(|outstanding| time >= outstanding.deadline) {
            let timeout = self.reader.config.source.timeout();
            let why = format!("no response in {} ms", timeout.as_millis());
            self.end(time, Err(late.question.failed(StoreError::Unavailable(why))));
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
        let time = self.reader.clock.advance(now);
        let Some(Outstanding { question, request_time, .. }) = self.take(id) else {
            return Outcome::Late;
        };
        let config = self.reader.config.clone();
        let (Source::Cluster(upstream), Question::Request(request)) = (&config.source, question)
        else {
            return self.end(time, Err(other_question()));
        };

        let kept = &mut self.reader.kept;
        let ended = match upstream.read(&request, response) {
            Ok(Answer::Body { age, body, validator }) => {
                let (body, dates) = (Received::Body(&body), Dates::requested(request_time, age));
                let replaced = Kept::replace(kept, body, validator, dates, &config.limits);
                replaced.map_err(|error| request.failed(&format!("the list is refused: {error}")))
            }
            Ok(Answer::NotFound) => Err(request.failed("there is no list")),
            Ok(Answer::Redirect(request)) => return self.redirect(time, request),
            Ok(Answer::Unchanged { age }) => {
                if let Some(kept) = kept {
                    kept.dates = Dates::requested(request_time, age);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        };
        self.end(time, ended.map_err(Error::Store))
    }

    /// Takes the answer of a store. The documents are checked whole before they replace anything.
    pub fn stored(&mut self, now: Timestamp, id: FetchId, stored: Stored) -> Outcome {
        let time = self.reader.clock.advance(now);
        let Some(Outstanding { question, request_time, .. }) = self.take(id) else {
            return Outcome::Late;
        };
        let Question::Documents { unless } = question else {
            return self.end(time, Err(other_question()));
        };

        let Reader { config, kept, .. } = &mut self.reader;
        let dates = Dates::requested(request_time, Duration::ZERO);
        let mut replace = |received, version| {
            let replaced = Kept::replace(kept, received, version, dates, &config.limits);
            replaced.map_err(|SnapshotError { malformed, position, .. }| {
                // A fault of the list as a whole has its position in the body.
                let position =
                    malformed.position.or(position.filter(|_| malformed.index.is_none()));
                Error::Malformed(Malformed { position, ..malformed })
            })
        };
        let ended = match stored {
            Stored::Body { body, version } => replace(Received::Body(&body), version),
            Stored::Documents { documents, version } => {
                replace(Received::Documents(&documents), version)
            }
            Stored::Unchanged => match kept {
                Some(kept) if unless.is_some() => {
                    kept.dates = dates;
                    Ok(None)
                }
                _ => Err(other_question()),
            },
        };
        self.end(time, ended)
    }

    /// Takes the reason why a fetch has no answer. It is in the shell's own words, which reach clients and
    /// contain no credentials. The error of a request is [`StoreError::Unavailable`], whatever the shell
    /// gives, since only a response can be a denial.
    pub fn failed(&mut self, now: Timestamp, id: FetchId, error: StoreError) -> Outcome {
        let time = self.reader.clock.advance(now);
        match self.take(id) {
            Some(Outstanding { question, .. }) => self.end(time, Err(question.failed(error))),
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
        Kept::replace(kept, Received::Body(&body), validator, dates, &config.limits)?;

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
        ended: Result<Saved, Error>,
    ) -> Outcome {
        let time = self.reader.clock.advance(now);
        self.outstanding = None;
        let ended = ended.and_then(|saved| self.keep_adopted(time, since, saved));
        self.go_on(time, since, ended)
    }

    /// Keeps the catalog of another mirror, unless what is kept is younger. Returns how the catalog
    /// differs.
    fn keep_adopted(
        &mut self,
        time: Duration,
        since: Duration,
        saved: Saved,
    ) -> Result<Option<Changes>, Error> {
        let Reader { config, kept, .. } = &mut self.reader;
        let Saved { body, validator, age } = saved;
        let age = age.saturating_add(since);
        if kept.as_ref().is_some_and(|kept| kept.dates.age(time) < age) {
            return Ok(None);
        }

        let dates = Dates { request_time: time, age, since_validation: since };
        let received = Received::Body(&body);
        Kept::replace(kept, received, validator, dates, &config.limits).map_err(|error| {
            StoreError::Other(format!("the list of another mirror is refused: {error}")).into()
        })
    }

    /// Begins a fetch.
    fn begin(&mut self, time: Duration) -> Poll {
        let Reader { config, cursor, .. } = &self.reader;
        let question = || config.source.question(cursor.node(), self.reader.validator());
        let redirect = self.redirect.take().map(Question::Request);
        // A cluster has at least one node, and the cursor is at one of them.
        let Some(question) = redirect.or_else(question) else {
            return Poll::Wait { until: Timestamp(u64::MAX) };
        };

        self.last_id += 1;
        let (id, timeout) = (FetchId(self.last_id), config.source.timeout());
        let fetch = Fetch { id, question: question.clone(), timeout };
        let deadline = time.saturating_add(timeout);
        self.outstanding = Some(Outstanding { id, question, request_time: time, deadline });
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

    /// Ends a fetch of this mirror. Either a catalog is kept, which differs or not, or there is an error.
    fn end(&mut self, time: Duration, ended: Result<Option<Changes>, Error>) -> Outcome {
        let Reader { cursor, fetches, .. } = &mut self.reader;
        match ended {
            Ok(Some(_)) => fetches.changed += 1,
            Ok(None) => fetches.unchanged += 1,
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
        ended: Result<Option<Changes>, Error>,
    ) -> Outcome {
        let wait = match &ended {
            Ok(_) => self.schedule.after_success(),
            Err(_) => self.schedule.after_failure(self.reader.kept.is_some()),
        };
        self.redirect = None;
        self.wait(time.saturating_add(wait.saturating_sub(since)));

        self.reader.failure = ended.as_ref().err().cloned();
        match ended {
            Ok(Some(changes)) => Outcome::Changed(changes),
            Ok(None) => Outcome::Unchanged,
            Err(error) => Outcome::Failed(error),
        }
    }

    /// Waits for the next fetch.
    fn wait(&mut self, due: Duration) {
        self.reader.is_fetching = false;
        self.due = due;
    }
}

/// Returns the error for an answer that does not belong to the question.
fn other_question() -> Error {
    StoreError::Other("an answer to another question than was asked".into()).into()
}
