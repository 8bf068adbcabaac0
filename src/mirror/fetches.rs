//! The fetches of a mirror.

use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::mirror::config::Config;
use crate::mirror::kept::{Changes, Dates, Kept, Received, Saved};
use crate::mirror::reader::Reader;
use crate::mirror::schedule::Schedule;
use crate::mirror::source::{Content, Question, Source, Stored};
use crate::mirror::time::{Clock, Timestamp};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::upstream::{Request, Response};

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

/// How far an `age` may be wrong, which is in whole seconds.
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

        if let Some(Outstanding { id, deadline, .. }) = self.outstanding
            && time >= deadline
        {
            let timeout = self.reader.config.source.timeout();
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
    /// contain no credentials. The error of a request is [`StoreError::Unavailable`], whatever the shell
    /// gives, since only a response can be a denial.
    pub fn failed(&mut self, now: Timestamp, id: FetchId, error: StoreError) -> Outcome {
        self.end(now, id, |_, question| Err(question.failed(error)))
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

        let age = saved.age;
        let dates = Dates { request_time: time, age, since_validation: age };
        let snapshot = self.check(&Received::Body(saved.body))?;
        Kept::replace(&mut self.reader.kept, snapshot, saved.validator, dates);

        if self.redirect.is_none() {
            self.due = time.saturating_add(self.schedule.after_restore(age));
        }
        Ok(())
    }

    /// Adopts the outcome of a fetch that another mirror of the same source made, and that ended this
    /// long ago: the catalog that it [saved](Reader::save) then, unless the own one is younger, or its
    /// failure. A fetch of this mirror that is outstanding is given up. So one fetch is enough for all
    /// mirrors of a program.
    pub fn adopt(
        &mut self,
        now: Timestamp,
        since: Duration,
        ended: Result<Saved, Error>,
    ) -> Outcome {
        let time = self.reader.clock.advance(now);
        self.outstanding = None;

        let ended = ended.and_then(|Saved { body, validator, age }| {
            let age = age.saturating_add(since);
            if self.reader.kept.as_ref().is_some_and(|kept| kept.dates.age(time) < age) {
                return Ok(None);
            }
            let dates = Dates { request_time: time, age, since_validation: since };
            let snapshot = self.check(&Received::Body(body)).map_err(|error| {
                StoreError::Other(format!("the list of another mirror is refused: {error}"))
            })?;
            Ok(Kept::replace(&mut self.reader.kept, snapshot, validator, dates))
        });
        self.go_on(time, since, ended)
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

    /// Ends the fetch with this id, by a function that reads its answer.
    fn end(
        &mut self,
        now: Timestamp,
        id: FetchId,
        read: impl FnOnce(&Source, &Question) -> Result<Content, Error>,
    ) -> Outcome {
        let time = self.reader.clock.advance(now);
        let Some(Outstanding { question, request_time, .. }) =
            self.outstanding.take_if(|outstanding| outstanding.id == id)
        else {
            return Outcome::Late;
        };

        let dates = |age| Dates { request_time, age, since_validation: Duration::ZERO };
        let ended = match read(&self.reader.config.source, &question) {
            Ok(Content::Catalog { received, validator, age }) => {
                let checked = self.check(&received).map_err(|error| question.refused(error));
                checked.and_then(|snapshot| {
                    let age = self.dated(age, request_time, Some(&snapshot), &question)?;
                    Ok(Kept::replace(&mut self.reader.kept, snapshot, validator, dates(age)))
                })
            }
            Ok(Content::Redirect(request)) => return self.redirect(time, request),
            Ok(Content::Unchanged { age }) => {
                self.dated(age, request_time, None, &question).map(|age| {
                    if let Some(kept) = &mut self.reader.kept {
                        kept.dates = dates(age);
                    }
                    None
                })
            }
            Err(error) => Err(error),
        };

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

    /// Checks a catalog. The bytes of the one that is kept are not checked again.
    fn check(&self, received: &Received) -> Result<Arc<Snapshot>, SnapshotError> {
        match &self.reader.kept {
            Some(kept) if received.is(&kept.snapshot) => Ok(kept.snapshot.clone()),
            _ => Ok(Arc::new(received.check(&self.reader.config.limits)?)),
        }
    }

    /// Returns the age of a catalog that had this age when it was asked for; `None` is the one that is kept.
    /// An answer with the same bytes as before has the younger of the two ages.
    ///
    /// It is a failure of the node if the catalog is too old to answer, or is another one than is kept and
    /// older (RFC 9111, section 4).
    fn dated(
        &self,
        age: Duration,
        request_time: Duration,
        snapshot: Option<&Snapshot>,
        question: &Question,
    ) -> Result<Duration, Error> {
        let Reader { config, kept, .. } = &self.reader;
        let failed = |why: &str| {
            let why = format!("the list is {} seconds old, and {why}", age.as_secs());
            Err(question.failed(StoreError::Unavailable(why)))
        };
        if age > config.stale_if_error {
            return failed(&format!("at most {} may be", config.stale_if_error.as_secs()));
        }

        let Some(kept) = kept else { return Ok(age) };
        let kept_age = kept.dates.age(request_time);
        match snapshot {
            Some(snapshot) if snapshot.body() != kept.snapshot.body() => {
                if kept_age.saturating_add(AGE_ERROR) < age {
                    return failed("a younger one is kept");
                }
                Ok(age)
            }
            _ => Ok(age.min(kept_age)),
        }
    }

    /// Follows a redirect to another node, at once.
    fn redirect(&mut self, time: Duration, request: Request) -> Outcome {
        self.reader.fetches.redirected += 1;
        self.reader.cursor.redirect(request.node);
        self.redirect = Some(request);
        self.wait(time);
        Outcome::Redirected
    }

    /// Goes on after a fetch that ended this long ago.
    fn go_on(
        &mut self,
        time: Duration,
        since: Duration,
        ended: Result<Option<Changes>, Error>,
    ) -> Outcome {
        let left = self.reader.left(time);
        let wait = match &ended {
            Ok(_) => self.schedule.after_success(left.unwrap_or_default()),
            Err(_) => self.schedule.after_failure(left),
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
