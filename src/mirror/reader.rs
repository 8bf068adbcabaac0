//! The answers of a mirror.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::mirror::cache_status;
use crate::mirror::config::Config;
use crate::mirror::fetches::FetchCounts;
use crate::mirror::kept::{Freshness, Kept, Saved, View};
use crate::mirror::time::{Clock, Timestamp};
use crate::rest;
use crate::step::Step;
use crate::upstream::Cursor;

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
    pub(super) failure: Option<Error>,
    pub(super) cursor: Cursor,
    pub(super) is_fetching: bool,
    pub(super) fetches: FetchCounts,
}

/// The state of a mirror, for metrics and logs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The age of the catalog; `None` if there is no catalog.
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

    /// Returns the catalog, its age, and whether it is fresh.
    ///
    /// # Errors
    ///
    /// If there is no catalog, or it is older than `stale_if_error`. It has the kind of the last failure:
    /// [`Error::Malformed`] if a document is. Of a cluster that does not answer it is
    /// [`StoreError::Denied`] if it refuses the credentials, else [`StoreError::Unavailable`].
    pub fn view(&self, now: Timestamp) -> Result<View<'_>, Error> {
        let Config { refresh, stale_if_error, .. } = *self.config;
        let Some(Kept { snapshot, dates, .. }) = &self.kept else {
            return Err(self.unavailable("nothing has been fetched yet"));
        };

        let time = self.clock.at(now);
        let age = dates.age(time);
        if age > stale_if_error {
            let limit = stale_if_error.as_secs();
            return Err(self.unavailable(&format!("the catalog is more than {limit} seconds old")));
        }

        let why = || {
            let reason = "the source has not been asked again";
            self.failure.clone().unwrap_or_else(|| StoreError::Unavailable(reason.into()).into())
        };
        let freshness = dates.freshness(time, refresh.saturating_mul(2), why);
        Ok(View { snapshot, age, freshness })
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
        let headers =
            [("age", age.as_secs().to_string()), ("cache-status", cache_status::field(&freshness))];
        snapshot.handle_with(request, limits, headers.map(|(name, value)| (name.into(), value)))
    }

    /// Returns the state of the mirror.
    pub fn status(&self, now: Timestamp) -> Status {
        let time = self.clock.at(now);
        Status {
            age: self.kept.as_ref().map(|kept| kept.dates.age(time)),
            freshness: self.view(now).map(|view| view.freshness),
            failure: self.failure.clone(),
            node: self.cursor.node(),
            fetching: self.is_fetching,
            fetches: self.fetches,
        }
    }

    /// Returns the catalog to store; `None` if there is none. The moment at which it is stored has to be
    /// stored too.
    pub fn save(&self, now: Timestamp) -> Option<Saved> {
        let Kept { snapshot, validator, dates } = self.kept.as_ref()?;
        let age = dates.age(self.clock.at(now));
        Some(Saved::new(snapshot.body().to_vec(), validator.clone(), age))
    }

    /// Returns the error if no catalog may answer.
    fn unavailable(&self, what: &str) -> Error {
        match &self.failure {
            None => StoreError::Unavailable(what.into()).into(),
            Some(failure) => self.config.source.unavailable(what, failure),
        }
    }

    /// Returns the time for which the catalog may still answer; `None` if none may.
    pub(super) fn left(&self, time: Duration) -> Option<Duration> {
        self.config.stale_if_error.checked_sub(self.kept.as_ref()?.dates.age(time))
    }

    /// Returns the validator of the catalog.
    pub(super) fn validator(&self) -> Option<&str> {
        self.kept.as_ref()?.validator.as_deref()
    }
}
