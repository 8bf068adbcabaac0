//! Credentials that a cluster refuses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::upstream::{Credentials, Refusals};
use tokio::time::Instant;

use crate::CcsError;

/// The credentials that a cluster refused last, if any. Until the wait is over, calls with them fail without
/// a request.
#[derive(Default)]
pub(super) struct Refused {
    last: Mutex<Option<RefusedCredentials>>,
}

/// The last refusal.
struct RefusedCredentials {
    credentials: Option<Credentials>,
    error: CcsError,
    /// The refusals of these credentials, in the time since the first one.
    refusals: Refusals,
    first: Instant,
    /// The end of the wait.
    until: Instant,
}

impl Refused {
    /// Checks that the cluster may be asked with these credentials now.
    ///
    /// # Errors
    ///
    /// That of the refusal, if it may not.
    pub(super) fn check(&self, credentials: &Option<Credentials>) -> Result<(), CcsError> {
        match &*self.last() {
            Some(last) if last.credentials == *credentials && Instant::now() < last.until => {
                Err(last.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// Notes the end of a call, which may be a refusal.
    pub(super) fn note(&self, credentials: Option<Credentials>, error: Option<&CcsError>) {
        let Some(error @ CcsError::Denied(_)) = error else { return };
        let now = Instant::now();
        let mut last = self.last();
        let (mut refusals, first) = match last.take() {
            Some(last) if last.credentials == credentials => (last.refusals, last.first),
            _ => (Refusals::default(), now),
        };
        let wait: Duration = refusals.wait_after(now - first);
        let (error, until) = (error.clone(), now + wait);
        *last = Some(RefusedCredentials { credentials, error, refusals, first, until });
    }

    fn last(&self) -> MutexGuard<'_, Option<RefusedCredentials>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
