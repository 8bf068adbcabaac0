//! The refusals of credentials by a cluster.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::upstream::{Credentials, Denials};
use tokio::time::Instant;

use crate::CcsError;

/// The refusals of credentials by a cluster. While they last, calls with the same credentials fail without
/// a request.
#[derive(Default)]
pub(super) struct Refusals {
    last: Mutex<Option<Refusal>>,
}

/// The last refusal.
struct Refusal {
    credentials: Option<Credentials>,
    error: CcsError,
    /// The refusals of these credentials, counted from the first one.
    denials: Denials,
    first: Instant,
    /// The end of the wait.
    until: Instant,
}

impl Refusals {
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

    /// Notes the end of a call, which is a refusal if its error is a denial.
    pub(super) fn note(&self, credentials: Option<Credentials>, error: Option<&CcsError>) {
        let Some(error @ CcsError::Denied(_)) = error else { return };
        let now = Instant::now();
        let mut last = self.last();
        let (mut denials, first) = match last.take() {
            Some(last) if last.credentials == credentials => (last.denials, last.first),
            _ => (Denials::default(), now),
        };
        let wait: Duration = denials.wait_after(now - first);
        let (error, until) = (error.clone(), now + wait);
        *last = Some(Refusal { credentials, error, denials, first, until });
    }

    fn last(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
