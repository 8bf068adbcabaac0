//! Credentials that a cluster refuses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::upstream::{Credentials, Refusals};
use tokio::time::Instant;

use crate::CcsError;

/// The credentials that a cluster refused, the last one at the end. Until the wait of some is over, calls
/// with them fail without a request.
#[derive(Default)]
pub(super) struct Refused {
    all: Mutex<Vec<RefusedCredentials>>,
}

/// The number of credentials that are remembered. A file that changes back and forth has two.
const MOST: usize = 8;

/// The last refusal of some credentials.
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
    /// The error of the refusal, if it may not.
    pub(super) fn check(&self, credentials: &Option<Credentials>) -> Result<(), CcsError> {
        let all = self.all();
        match all.iter().find(|refused| refused.credentials == *credentials) {
            Some(refused) if Instant::now() < refused.until => Err(refused.error.clone()),
            _ => Ok(()),
        }
    }

    /// Notes the end of a call, which may be a refusal.
    pub(super) fn note(&self, credentials: Option<Credentials>, error: Option<&CcsError>) {
        let Some(error @ CcsError::Denied(_)) = error else { return };
        let now = Instant::now();
        let mut all = self.all();
        let known = all.iter().position(|refused| refused.credentials == credentials);
        let (mut refusals, first) = match known.map(|index| all.remove(index)) {
            Some(refused) => (refused.refusals, refused.first),
            None => (Refusals::default(), now),
        };

        let wait: Duration = refusals.wait_after(now - first);
        let (error, until) = (error.clone(), now + wait);
        all.push(RefusedCredentials { credentials, error, refusals, first, until });
        let surplus = all.len().saturating_sub(MOST);
        all.drain(..surplus);
    }

    fn all(&self) -> MutexGuard<'_, Vec<RefusedCredentials>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
