//! The snapshot that a mirror holds.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::StoreError;
use crate::snapshot::Snapshot;

/// The snapshot, and when it was made.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) validator: Option<String>,
    /// The time when the request was sent that brought the snapshot or confirmed it.
    pub(super) request_time: Duration,
    /// The age of the snapshot at `request_time`: by the upstream's account, or as restored.
    pub(super) age: Duration,
    /// The time at `request_time` since the upstream was asked: more than zero after a restore.
    pub(super) since_validation: Duration,
}

impl Kept {
    pub(super) fn age_at(&self, time: Duration) -> Duration {
        self.age.saturating_add(time.saturating_sub(self.request_time))
    }
}

/// A snapshot that may answer.
#[derive(Debug)]
pub struct View<'a> {
    /// The snapshot: of one moment, and checked whole.
    pub snapshot: &'a Snapshot,
    /// The age of the snapshot: at most `stale_if_error`.
    pub age: Duration,
    /// Whether the snapshot is as fresh as it is meant to be.
    pub freshness: Freshness,
}

/// Whether a snapshot is as fresh as it is meant to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The upstream was asked within two refresh intervals.
    Fresh {
        /// The time that is left of them.
        left: Duration,
    },
    /// It was not.
    Stale {
        /// The time since the two intervals ended.
        over: Duration,
        /// The reason.
        why: StoreError,
    },
}

/// A snapshot to store, so that a mirror can start while the cluster is down. It holds no
/// credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Saved {
    /// The body of the list.
    pub body: Vec<u8>,
    /// The validator of the body, if the upstream gave one: an opaque text, by which the upstream can
    /// be asked whether the list is unchanged.
    pub validator: Option<String>,
    /// The age of the snapshot.
    pub age: Duration,
}
