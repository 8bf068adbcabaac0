//! The answers of a mirror.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::mirror::cache_status;
use crate::mirror::config::Config;
use crate::mirror::fetches::{Ended, FetchCounts};
use crate::mirror::kept::{Freshness, Kept, Saved, Validation, View};
use crate::mirror::source::Failure;
use crate::mirror::time::{Clock, Timestamp};
use crate::rest;
use crate::snapshot::Snapshot;
use crate::step::Step;

/// The answers of a [`Mirror`](crate::Mirror), from the catalog that it keeps.
///
/// A clone costs little, since it shares the catalog, and stays as it is. A shell with threads answers
/// from a clone while the mirror takes a response, which checks a body and can take long.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
    pub(super) kept: Option<Kept>,
    /// The reason of the last failure, if no fetch has succeeded since.
    pub(super) failure: Option<Failure>,
    /// The index of the node that is asked now or next.
    pub(super) node: usize,
    /// The index of the node that was asked by the last fetch that ended.
    pub(super) asked: usize,
    pub(super) is_fetching: bool,
    /// The time that a store took for its last answer; zero for a cluster.
    pub(super) read_time: Duration,
    pub(super) fetches: FetchCounts,
}

/// The state of a mirror, for metrics and logs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The age of the catalog; `None` if there is no catalog, or its age is unknown.
    pub age: Option<Duration>,
    /// Whether the catalog is fresh, or the error if no catalog may answer.
    pub freshness: Result<Freshness, Error>,
    /// The reason of the last failure, if no fetch has succeeded since.
    pub failure: Option<Error>,
    /// The index of the node that is asked now or next; 0 for a store.
    pub node: usize,
    /// Whether a fetch is outstanding.
    pub fetching: bool,
    /// The numbers of fetches by outcome.
    pub fetches: FetchCounts,
}

impl Reader {
    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the catalog that is kept, also if it may not answer any more.
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.kept.as_ref().map(|kept| &kept.snapshot)
    }

    /// Returns the catalog, its age, and whether it is fresh.
    ///
    /// # Errors
    ///
    /// If there is no catalog, or it is older than `stale_if_error`, or than `stale_if_denied` since the
    /// cluster denied it. It has the kind of the last failure: [`Error::Malformed`] if a document is. Of a
    /// cluster that does not answer it is [`StoreError::Denied`] if it refuses the credentials, else
    /// [`StoreError::Unavailable`].
    pub fn view(&self, now: Timestamp) -> Result<View<'_>, Error> {
        let Some(Kept { snapshot, dates, .. }) = &self.kept else {
            return Err(self.unavailable("nothing has been fetched yet"));
        };

        let time = self.clock.at(now);
        let limit = self.greatest_age();
        if dates.least_age(time) > limit {
            let what = format!("the catalog is more than {} seconds old", limit.as_secs());
            return Err(self.unavailable(&what));
        }

        let failure = self.failure.as_ref().map(|failure| &failure.error);
        // A store that takes long is left alone for as long, so it is asked again after twice the time.
        let interval = self.config.refresh.max(self.read_time.saturating_mul(2));
        let freshness = dates.freshness(time, interval.saturating_mul(2), failure);
        Ok(View { snapshot, age: dates.age(time), freshness })
    }

    /// Returns the outcome of a call, from the catalog. If no catalog may answer, the call fails with the
    /// error of [`view`](Self::view).
    pub fn answer<T>(&self, now: Timestamp, step: Step<T>) -> T {
        match (step, self.view(now)) {
            (Step::Ask(ask), Err(error)) => ask.fail(error),
            (step, Ok(view)) => view.snapshot.answer(step),
            (Step::Done(outcome), Err(_)) => outcome,
        }
    }

    /// Answers a request from the catalog, with its `age` (RFC 9111) and a `cache-status` (RFC 9211). If
    /// no catalog may answer, the response is that for the error of [`view`](Self::view).
    ///
    /// The body of the list is borrowed. [`rest::Response::into_owned`] copies it.
    pub fn handle(
        &self,
        now: Timestamp,
        request: &rest::Request<'_>,
    ) -> rest::Response<Cow<'_, [u8]>> {
        let limits = &self.config.limits;
        let Ok(View { snapshot, age, freshness }) = self.view(now) else {
            return self.answer(now, rest::handle(request, limits)).into();
        };
        let age = age.map(|age| ("age".into(), age.as_secs().to_string()));
        let cache_status = ("cache-status".into(), cache_status::field(&freshness));
        snapshot.handle_with(request, limits, age.into_iter().chain([cache_status]))
    }

    /// Returns the state of the mirror.
    pub fn status(&self, now: Timestamp) -> Status {
        let time = self.clock.at(now);
        Status {
            age: self.kept.as_ref().and_then(|kept| kept.dates.age(time)),
            freshness: self.view(now).map(|view| view.freshness),
            failure: self.failure.as_ref().map(|failure| failure.error.clone()),
            node: self.node,
            fetching: self.is_fetching,
            fetches: self.fetches,
        }
    }

    /// Returns the catalog to store; `None` without a catalog, or if its age is unknown. Store the present
    /// moment with it.
    pub fn save(&self, now: Timestamp) -> Option<Saved> {
        let body = self.kept.as_ref()?.snapshot.body().to_vec();
        let Validation { validator, age, since_validation, stale } = self.validation(now)?;
        Some(Saved::new(body, validator, age).with_validation(since_validation, stale))
    }

    /// Returns the end of the last fetch, for other mirrors to [adopt](crate::Mirror::adopt). It is without
    /// the body, which is that of the [snapshot](Self::snapshot).
    pub fn ended(&self, now: Timestamp) -> Ended {
        Ended::new(self.asked, self.validation(now), self.failure.clone())
    }

    /// Returns the validator and the ages of the catalog; `None` without a catalog, or if its age is unknown.
    fn validation(&self, now: Timestamp) -> Option<Validation> {
        let Kept { validator, dates, .. } = self.kept.as_ref()?;
        let time = self.clock.at(now);
        Some(Validation {
            validator: validator.clone(),
            age: Some(dates.age(time)?),
            since_validation: dates.since_validation(time),
            stale: dates.stale.as_ref().map(|why| why.reason().into()),
        })
    }

    /// Returns the error if no catalog may answer.
    fn unavailable(&self, what: &str) -> Error {
        match &self.failure {
            None => StoreError::Unavailable(what.into()).into(),
            Some(failure) => self.config.source.unavailable(what, &failure.error),
        }
    }

    /// Returns the greatest age of a catalog that may answer.
    fn greatest_age(&self) -> Duration {
        let Config { stale_if_error, stale_if_denied, .. } = *self.config;
        match &self.failure {
            Some(failure) if failure.is_denied => stale_if_error.min(stale_if_denied),
            _ => stale_if_error,
        }
    }

    /// Returns the time for which the catalog may still answer; `None` if no catalog may.
    pub(super) fn left(&self, time: Duration) -> Option<Duration> {
        self.greatest_age().checked_sub(self.kept.as_ref()?.dates.least_age(time))
    }

    /// Returns the validator of the catalog.
    pub(super) fn validator(&self) -> Option<&str> {
        self.kept.as_ref()?.validator.as_deref()
    }
}
