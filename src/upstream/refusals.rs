//! The times between requests while a cluster refuses the credentials.

use core::time::Duration;

/// The refusals of one set of credentials, by 401 or 403.
///
/// Redis locks a user for half an hour after five failed logins in fifteen minutes. So there are at most two
/// in that time, and two replicas stay below five.
///
/// ```
/// use std::time::Duration;
/// use ccs_modules::upstream::Refusals;
///
/// let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
/// let mut refusals = Refusals::default();
/// assert_eq!(refusals.wait_after(minutes(0)), minutes(5));
/// assert_eq!(refusals.wait_after(minutes(5)), minutes(15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    last: Option<Duration>,
}

impl Refusals {
    /// Returns the time to wait after a refusal at this time, by a clock of the shell. It is five minutes
    /// after the first refusal, then fifteen. For new credentials, begin with a new [`Refusals`].
    pub fn wait_after(&mut self, time: Duration) -> Duration {
        let last = self.last.replace(time);
        let is_first = last.is_none_or(|last| time.saturating_sub(last) >= FORGOTTEN);
        if is_first { FIRST } else { NEXT }
    }
}

const FIRST: Duration = Duration::from_secs(5 * 60);
const NEXT: Duration = Duration::from_secs(15 * 60);
const FORGOTTEN: Duration = Duration::from_secs(30 * 60);
