//! The answers of a mirror, from what is kept.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use crate::catalog::{get_module, list_modules};
use crate::error::{Error, StoreError};
use crate::lookup::{self, Fitting};
use crate::mirror::cache_status;
use crate::mirror::fetches::{FetchCounts, Mirror, Phase};
use crate::mirror::kept::{Freshness, Kept, Saved, View};
use crate::mirror::time::Timestamp;
use crate::module::Module;
use crate::rest;
use crate::step::Step;

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
    pub fetches: FetchCounts,
}

impl Mirror {
    /// Returns the snapshot, how old it is, and whether it is fresh.
    ///
    /// # Errors
    ///
    /// If nothing is kept, or it is older than `stale_if_error`: [`StoreError::Denied`] if the
    /// upstream refuses the credentials, else [`StoreError::Unavailable`].
    pub fn view(&self, now: Timestamp) -> Result<View<'_>, StoreError> {
        let time = self.clock.at(now);
        let Some(kept) = &self.kept else {
            return Err(self.without_snapshot("nothing has been fetched yet"));
        };
        let age = kept.age_at(time);
        if age > self.config.stale_if_error {
            let limit = self.config.stale_if_error.as_secs();
            return Err(
                self.without_snapshot(&format!("the catalog is more than {limit} seconds old"))
            );
        }
        Ok(View { snapshot: &kept.snapshot, age, freshness: self.freshness(kept, time) })
    }

    /// Answers a request: from the snapshot, with its `age` (RFC 9111) and a `cache-status`
    /// (RFC 9211), or with 503 and the reason where there is none that may answer.
    ///
    /// The body of the list is borrowed; [`rest::Response::into_owned`] copies it.
    pub fn handle(
        &self,
        now: Timestamp,
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
        now: Timestamp,
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
        now: Timestamp,
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
        now: Timestamp,
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
        now: Timestamp,
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
        now: Timestamp,
        roles: &[R],
        redis_version: &str,
    ) -> Result<Vec<Fitting>, Error> {
        self.resolve(now, lookup::fitting_modules(roles, redis_version, &self.config.limits))
    }

    /// Returns the state of the mirror.
    pub fn status(&self, now: Timestamp) -> Status {
        let time = self.clock.at(now);
        Status {
            age: self.kept.as_ref().map(|kept| kept.age_at(time)),
            freshness: self.view(now).map(|view| view.freshness),
            failure: self.failure.clone(),
            node: self.cursor.node(),
            fetching: matches!(self.phase, Phase::Fetching { .. }),
            fetches: self.fetches,
        }
    }

    /// Returns what to store of the snapshot; none if nothing is kept. The moment it was stored has
    /// to be stored with it.
    pub fn save(&self, now: Timestamp) -> Option<Saved> {
        let time = self.clock.at(now);
        let kept = self.kept.as_ref()?;
        Some(Saved {
            body: kept.snapshot.body().to_vec(),
            validator: kept.validator.clone(),
            age: kept.age_at(time),
        })
    }

    fn freshness(&self, kept: &Kept, time: Duration) -> Freshness {
        let since_validation =
            kept.since_validation.saturating_add(time.saturating_sub(kept.request_time));
        let longest = self.config.refresh.saturating_mul(2);
        match longest.checked_sub(since_validation) {
            Some(left) => Freshness::Fresh { left },
            None => Freshness::Stale {
                over: since_validation.saturating_sub(longest),
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

    fn resolve<T>(&self, now: Timestamp, step: Step<Result<T, Error>>) -> Result<T, Error> {
        match step {
            Step::Ask(ask) => match self.view(now) {
                Ok(view) => view.snapshot.answer(Step::Ask(ask)),
                Err(error) => ask.fail(error),
            },
            Step::Done(outcome) => outcome,
        }
    }
}
