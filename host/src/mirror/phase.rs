//! The phase that a mirror is in, logged when it changes.

use std::collections::BTreeSet;

use ccs_modules::mirror::{Freshness, Status};

/// The state of a mirror that an operator wants to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The catalog is fresh.
    Fresh,
    /// The store fails, and the last good catalog answers.
    Failing,
    /// The store answers, with a catalog that is stale.
    Stale,
    /// No catalog may answer.
    Unavailable,
}

/// The phases of a mirror, which are logged.
#[derive(Debug)]
pub(super) struct Phases {
    /// The name of the store.
    store: String,
    last: Option<Phase>,
    /// The reasons that were logged in this phase. If two nodes are down, they fail in turn, each with a
    /// reason of its own.
    reasons: BTreeSet<String>,
}

/// The number of reasons that are logged in one phase.
const MOST: usize = 64;

impl Phases {
    pub(super) fn new(store: String) -> Self {
        Self { store, last: None, reasons: BTreeSet::new() }
    }

    /// Logs the phase, if it is another one than before, or if it has a new reason.
    pub(super) fn observe(&mut self, status: &Status) {
        let (phase, reason) = match (&status.freshness, &status.failure) {
            (Err(error), _) => (Phase::Unavailable, error.to_string()),
            (Ok(_), Some(failure)) => (Phase::Failing, failure.to_string()),
            (Ok(Freshness::Stale { why, .. }), None) => (Phase::Stale, why.to_string()),
            (Ok(Freshness::Fresh { .. }), None) => (Phase::Fresh, String::new()),
        };
        let before = self.last.replace(phase);
        if before != Some(phase) {
            self.reasons.clear();
        }
        if self.reasons.len() == MOST || !self.reasons.insert(reason.clone()) {
            return;
        }

        let (store, age_seconds) = (&self.store, status.age.map(|age| age.as_secs()));
        match phase {
            Phase::Fresh if before.is_none() => {
                tracing::info!(store, age_seconds, "the catalog is kept");
            }
            Phase::Fresh => tracing::info!(store, age_seconds, "the store answers again"),
            Phase::Failing => {
                tracing::warn!(
                    store,
                    age_seconds,
                    reason,
                    "the store fails; the last good catalog is served"
                );
            }
            Phase::Stale => tracing::warn!(store, age_seconds, reason, "the catalog is stale"),
            Phase::Unavailable => {
                tracing::error!(
                    store,
                    age_seconds,
                    reason,
                    "the store fails, and there is no catalog to serve"
                );
            }
        }
    }
}
