//! The user names whose logins are open or were denied.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::access::cluster::PAUSE;

/// A keyed hash, of a user name or of credentials.
pub(super) type Hash = [u8; 32];

/// A place for [`Names`]. If several workers show callers to one cluster, they share it.
pub trait NameStore {
    /// Changes the names among which this one is, by its hash, in one step: no other worker changes them
    /// meanwhile. So `change` may be called several times, and the last call counts. Returns `None` if the
    /// names cannot be written now.
    fn change(
        &mut self,
        name: &[u8; 32],
        change: &mut dyn FnMut(&mut Names) -> Turn,
    ) -> Option<Turn>;
}

/// Whether a user of a name may be shown to the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// It may.
    Free,
    /// Another login of the name is open.
    Taken,
    /// The name was denied too often, and may not for this time.
    Denied(Duration),
}

/// The user names whose logins are open or were denied, by their hashes.
///
/// Of a name one login is open at a time, so that two denials are noticed before a third one.
#[derive(Clone, Debug)]
pub struct Names {
    most: usize,
    names: BTreeMap<Hash, State>,
}

/// The logins of a name.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    denials: u8,
    /// The time of the last denial.
    last: Duration,
    /// The time at which the open login is given up; zero without one.
    open: Duration,
}

impl State {
    fn deny(&mut self, now: Duration) {
        let is_new = now.saturating_sub(self.last) >= FORGOTTEN;
        self.denials = if is_new { 1 } else { self.denials.saturating_add(1) };
        self.last = now;
    }

    /// Returns the time for which the name is not shown to the cluster.
    fn wait(&self, now: Duration) -> Duration {
        match self.denials {
            ..MOST_DENIALS => Duration::ZERO,
            _ => FORGOTTEN.saturating_sub(now.saturating_sub(self.last)),
        }
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        now >= self.open && now.saturating_sub(self.last.max(self.open)) >= FORGOTTEN
    }
}

impl Names {
    /// Makes a place for so many names.
    pub fn new(most: usize) -> Self {
        Self { most, names: BTreeMap::new() }
    }

    /// Reads names from the bytes of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8], most: usize) -> Self {
        let state = |bytes: &[u8]| {
            let (hash, rest) = bytes.split_first_chunk()?;
            let (last, rest) = rest.split_first_chunk()?;
            let (open, rest) = rest.split_first_chunk()?;
            let time = |bytes| Duration::from_millis(u64::from_le_bytes(bytes));
            let state = State { denials: *rest.first()?, last: time(*last), open: time(*open) };
            Some((*hash, state))
        };
        // `collect` would sort them, and a sort takes 20 kB of code.
        let mut names = BTreeMap::new();
        names.extend(bytes.chunks(STATE_BYTES).filter_map(state));
        Self { most, names }
    }

    /// Returns the names as bytes, for other workers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let milliseconds = |time: Duration| (time.as_millis() as u64).to_le_bytes();
        let mut bytes = Vec::with_capacity(self.names.len().saturating_mul(STATE_BYTES));
        for (hash, State { denials, last, open }) in &self.names {
            bytes.extend(hash);
            bytes.extend(milliseconds(*last));
            bytes.extend(milliseconds(*open));
            bytes.push(*denials);
        }
        bytes
    }

    /// Begins a login of a name, which is given up at the end. If very many names were denied, others wait,
    /// because none of the denials may be forgotten.
    pub(super) fn begin(&mut self, name: &Hash, now: Duration, end: Duration) -> Turn {
        if self.names.len() >= self.most {
            self.names.retain(|_, state| !state.is_forgotten(now));
        }
        if self.names.len() >= self.most && !self.names.contains_key(name) {
            return Turn::Denied(PAUSE);
        }

        let state = self.names.entry(*name).or_default();
        // An end that is too far away is from before the clock went back.
        if now < state.open && state.open <= end {
            return Turn::Taken;
        }
        // A login that nobody has ended may have been a denial.
        if !state.open.is_zero() {
            state.deny(now.min(state.open));
            state.open = Duration::ZERO;
        }
        match state.wait(now) {
            Duration::ZERO => {
                state.open = end;
                Turn::Free
            }
            wait => Turn::Denied(wait),
        }
    }

    /// Ends a login of a name, which was denied at this time, if it was.
    pub(super) fn end(&mut self, name: &Hash, denied: Option<Duration>) {
        let state = self.names.entry(*name).or_default();
        state.open = Duration::ZERO;
        if let Some(now) = denied {
            state.deny(now);
        }
        if state.denials == 0 {
            self.names.remove(name);
        }
    }
}

impl NameStore for Names {
    fn change(
        &mut self,
        _name: &[u8; 32],
        change: &mut dyn FnMut(&mut Names) -> Turn,
    ) -> Option<Turn> {
        Some(change(self))
    }
}

/// The most denials of a user name in [`FORGOTTEN`].
const MOST_DENIALS: u8 = 2;

/// The time after which a denial is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// The bytes of a name: its hash, two times and the number of denials.
const STATE_BYTES: usize = 32 + 8 + 8 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Hash = [1; 32];
    const BOB: Hash = [2; 32];

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn bytes_keep_the_denials_and_the_open_login() {
        let mut names = Names::new(10);
        for now in [seconds(1), seconds(2)] {
            assert_eq!(names.begin(&ANN, now, seconds(20)), Turn::Free);
            names.end(&ANN, Some(now));
        }
        assert_eq!(names.begin(&BOB, seconds(2), seconds(20)), Turn::Free);

        let mut read = Names::from_bytes(&names.to_bytes(), 10);
        assert_eq!(read.begin(&ANN, seconds(3), seconds(21)), Turn::Denied(seconds(899)));
        assert_eq!(read.begin(&BOB, seconds(3), seconds(21)), Turn::Taken);
        assert_eq!(read.begin(&ANN, seconds(902), seconds(920)), Turn::Free);
        assert!(Names::from_bytes(&[0; STATE_BYTES - 1], 10).names.is_empty());
    }

    #[test]
    fn a_login_that_nobody_ends_counts_as_a_denial() {
        let mut names = Names::new(10);
        assert_eq!(names.begin(&ANN, seconds(0), seconds(20)), Turn::Free);
        assert_eq!(names.begin(&ANN, seconds(20), seconds(40)), Turn::Free);
        assert_eq!(names.begin(&ANN, seconds(40), seconds(60)), Turn::Denied(FORGOTTEN));
    }

    #[test]
    fn no_denial_is_forgotten_for_another_name() {
        let mut names = Names::new(1);
        assert_eq!(names.begin(&ANN, seconds(0), seconds(20)), Turn::Free);
        names.end(&ANN, Some(seconds(1)));
        assert_eq!(names.begin(&BOB, seconds(2), seconds(20)), Turn::Denied(PAUSE));
        assert_eq!(names.begin(&BOB, seconds(901), seconds(921)), Turn::Free);
    }
}
