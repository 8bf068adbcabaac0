//! The catalog that a mirror keeps, its dates, and how fresh it is.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::Error;
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// The time of the request that brought the catalog or revalidated it.
    pub(super) request_time: Duration,
    /// The age of the catalog at the request time.
    pub(super) age: Duration,
    /// The time since validation at the request time, which is more than zero after a restore.
    pub(super) since_validation: Duration,
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
    /// Returns the age of the catalog at a time.
    pub(super) fn age(self, time: Duration) -> Duration {
        self.age.saturating_add(time.saturating_sub(self.request_time))
    }

    /// Returns how fresh the catalog is at a time, if it is fresh for so long after its validation.
    /// `why` returns the reason why it is stale.
    pub(super) fn freshness(
        self,
        time: Duration,
        lifetime: Duration,
        why: impl FnOnce() -> Error,
    ) -> Freshness {
        let since_request = time.saturating_sub(self.request_time);
        let since_validation = self.since_validation.saturating_add(since_request);
        match lifetime.checked_sub(since_validation) {
            Some(left) => Freshness::Fresh { left },
            None => {
                Freshness::Stale { over: since_validation.saturating_sub(lifetime), why: why() }
            }
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
    /// The age of the catalog, at most `stale_if_error`.
    pub age: Duration,
    /// Whether the catalog is fresh.
    pub freshness: Freshness,
}

/// Whether a catalog is fresh.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The catalog was validated within two refresh intervals.
    Fresh {
        /// The time that is left of them.
        left: Duration,
    },
    /// The catalog was validated longer ago.
    Stale {
        /// The time since the two intervals ended.
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
    /// The age of the catalog.
    pub age: Duration,
}

impl Saved {
    /// Makes a catalog that was stored, to be restored.
    pub fn new(body: Vec<u8>, validator: Option<String>, age: Duration) -> Self {
        Self { body, validator, age }
    }
}
