//! The phase that a mirror is in, logged once when it changes.

use ccs_modules::mirror::{Freshness, Status};

/// Whether a mirror answers, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It answers with a catalog that is fresh.
    Fresh,
    /// It answers with the last good catalog.
    Stale,
    /// It has no catalog that may answer.
    Unavailable,
}

/// The phases of a mirror, which are logged.
#[derive(Debug, Default)]
pub(super) struct Phases {
    last: Option<Phase>,
}

impl Phases {
    /// Logs the phase, if it is another one than before.
    pub(super) fn observe(&mut self, status: &Status) {
        let phase = match &status.freshness {
            Ok(Freshness::Fresh { .. }) => Phase::Fresh,
            Ok(Freshness::Stale { .. }) => Phase::Stale,
            Err(_) => Phase::Unavailable,
        };
        let before = self.last.replace(phase);
        if before == Some(phase) {
            return;
        }
        let age_seconds = status.age.map(|age| age.as_secs());
        match &status.freshness {
            Ok(Freshness::Fresh { .. }) if before.is_none() => {
                tracing::info!(age_seconds, "the mirror has a catalog");
            }
            Ok(Freshness::Fresh { .. }) => {
                tracing::info!(age_seconds, "the mirror has a fresh catalog again");
            }
            Ok(Freshness::Stale { why, .. }) => {
                tracing::warn!(%why, age_seconds, "the mirror is stale and serves the last catalog");
            }
            Err(why) => {
                tracing::error!(%why, age_seconds, "the mirror has no catalog that may answer");
            }
        }
    }
}
