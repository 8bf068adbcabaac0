//! The catalog that a mirror keeps, its dates, and how fresh it is.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::limits::Limits;
use crate::lookup::Differences;
use crate::snapshot::{Snapshot, SnapshotError};

/// A catalog that a mirror keeps.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) validator: Option<String>,
    pub(super) dates: Dates,
}

/// The dates of a catalog. Times are counted as [`Clock`](super::time::Clock) counts them.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    /// The time of the request that brought the catalog or revalidated it.
    pub(super) request_time: Duration,
    /// The age of the catalog at the request time; `None` if it is unknown.
    pub(super) age: Option<Duration>,
    /// The time since validation at the request time, which is more than zero after a restore.
    pub(super) since_validation: Duration,
    /// The reason why the catalog was stale when it came.
    pub(super) stale: Option<StoreError>,
}

impl Kept {
    /// Keeps a catalog in place of another one, and returns how it differs; `None` if it is the same.
    pub(super) fn replace(
        kept: &mut Option<Self>,
        snapshot: Arc<Snapshot>,
        validator: Option<String>,
        dates: Dates,
    ) -> Option<Changes> {
        let changes = match kept {
            Some(kept) if kept.snapshot.body() == snapshot.body() => None,
            Some(kept) => Some(Changes::between(&kept.snapshot, &snapshot)),
            None => Some(Changes { added: snapshot.len(), ..Changes::default() }),
        };
        *kept = Some(Self { snapshot, validator, dates });
        changes
    }
}

impl Dates {
    /// Returns the dates of a catalog whose ages were measured this long ago.
    pub(super) fn of(validation: &Validation, time: Duration, since: Duration) -> Self {
        let Validation { age, since_validation, stale, .. } = validation;
        let undated = || Some("the catalog is dated in the future".into());
        let stale = if age.is_some() { stale.clone() } else { undated() };
        Self {
            request_time: time,
            age: age.map(|age| age.saturating_add(since)),
            since_validation: since_validation.saturating_add(since),
            stale: stale.map(StoreError::Unavailable),
        }
    }

    /// Returns the age of the catalog at a time; `None` if it is unknown.
    pub(super) fn age(&self, time: Duration) -> Option<Duration> {
        self.age.map(|_| self.least_age(time))
    }

    /// Returns the least age that the catalog has at a time.
    pub(super) fn least_age(&self, time: Duration) -> Duration {
        self.age.unwrap_or_default().saturating_add(self.since_request(time))
    }

    pub(super) fn since_validation(&self, time: Duration) -> Duration {
        self.since_validation.saturating_add(self.since_request(time))
    }

    fn since_request(&self, time: Duration) -> Duration {
        time.saturating_sub(self.request_time)
    }

    /// Returns how fresh the catalog is at a time, if it is fresh for `lifetime` after its validation.
    /// `failure` is the reason of the last failure.
    pub(super) fn freshness(
        &self,
        time: Duration,
        lifetime: Duration,
        failure: Option<&Error>,
    ) -> Freshness {
        let since_validation = self.since_validation(time);
        let left = lifetime.checked_sub(since_validation);
        if let (None, Some(left)) = (&self.stale, left) {
            return Freshness::Fresh { left };
        }

        let why = || {
            let reason = "the source has not been asked again";
            self.stale.clone().unwrap_or_else(|| StoreError::Unavailable(reason.into())).into()
        };
        let lifetime = if self.stale.is_some() { Duration::ZERO } else { lifetime };
        Freshness::Stale {
            over: since_validation.saturating_sub(lifetime),
            why: failure.cloned().unwrap_or_else(why),
        }
    }
}

/// A catalog as a source gave it, not checked yet.
pub(super) enum Received {
    Body(Vec<u8>),
    Documents(Vec<Vec<u8>>),
}

impl Received {
    /// Returns whether these are the bytes of a catalog that was checked.
    pub(super) fn is(&self, snapshot: &Snapshot) -> bool {
        match self {
            Self::Body(body) => body == snapshot.body(),
            Self::Documents(documents) => documents.iter().eq(snapshot.documents()),
        }
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<Snapshot, SnapshotError> {
        match self {
            Self::Body(body) => Snapshot::parse(body, limits),
            Self::Documents(documents) => Snapshot::from_documents(documents, limits),
        }
    }
}

/// How a catalog differs from the one before it, in numbers of modules.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// The modules that only the new catalog has.
    pub added: usize,
    /// The modules that only the catalog before has.
    pub removed: usize,
    /// The modules whose documents differ.
    pub changed: usize,
}

impl Changes {
    fn between(before: &Snapshot, after: &Snapshot) -> Self {
        // A catalog that was checked is not damaged.
        let Differences { added, removed, changed } = before.differences(after).unwrap_or_default();
        Self { added: added.len(), removed: removed.len(), changed: changed.len() }
    }
}

/// A catalog that may answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct View<'a> {
    /// The catalog of one moment. A clone outlives the mirror's own.
    pub snapshot: &'a Arc<Snapshot>,
    /// The age of the catalog, at most `stale_if_error`; `None` if it is unknown.
    pub age: Option<Duration>,
    /// Whether the catalog is fresh.
    pub freshness: Freshness,
}

/// Whether a catalog is fresh.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The catalog was validated within two refresh intervals, by a response that was fresh. Of a store the
    /// interval is at least twice the time that the last answer took.
    Fresh {
        /// The time that is left of the two intervals.
        left: Duration,
    },
    /// The catalog was validated longer ago, or by a response that was stale.
    Stale {
        /// The time since the two intervals ended, or since the response that was stale.
        over: Duration,
        /// The reason.
        why: Error,
    },
}

/// A catalog to store, so that a mirror can start while its source is down. It contains no
/// credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Saved {
    /// The body of the list.
    pub body: Vec<u8>,
    /// The validator of the body, if there is one. This is an opaque text, by which the source can be
    /// asked whether the catalog is unchanged.
    pub validator: Option<String>,
    /// The age of the catalog; `None` if it was made in the future, by the present clock.
    pub age: Option<Duration>,
    /// The time since the request that brought the catalog or revalidated it.
    pub since_validation: Duration,
    /// The reason why the catalog was stale when it came; `None` if it was fresh.
    pub stale: Option<String>,
}

impl Saved {
    /// Makes a catalog that was stored, to be restored. It was fresh when it came, straight from its source.
    pub fn new(body: Vec<u8>, validator: Option<String>, age: Option<Duration>) -> Self {
        Self { body, validator, age, since_validation: age.unwrap_or_default(), stale: None }
    }

    /// Sets the time since validation, and the reason why the catalog was stale when it came.
    #[must_use]
    pub fn with_validation(self, since_validation: Duration, stale: Option<String>) -> Self {
        Self { since_validation, stale, ..self }
    }

    /// Parts the catalog into its body and the rest.
    pub(super) fn into_parts(self) -> (Vec<u8>, Validation) {
        let Self { body, validator, age, since_validation, stale } = self;
        (body, Validation { validator, age, since_validation, stale })
    }
}

/// The validator of a catalog, and how old the catalog is: all of a [`Saved`] but the body.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Validation {
    /// The validator, as in [`Saved`].
    pub validator: Option<String>,
    /// The age of the catalog, as in [`Saved`].
    pub age: Option<Duration>,
    /// The time since the request that brought the catalog or revalidated it.
    pub since_validation: Duration,
    /// The reason why the catalog was stale when it came; `None` if it was fresh.
    pub stale: Option<String>,
}

impl Validation {
    /// Makes a validation from its parts.
    pub fn new(
        validator: Option<String>,
        age: Option<Duration>,
        since_validation: Duration,
        stale: Option<String>,
    ) -> Self {
        Self { validator, age, since_validation, stale }
    }
}
