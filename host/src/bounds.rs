//! Memory and time limits of one call.

use std::time::Duration;

/// Memory and time limits of one call, and the number of calls at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The memory of an instance, in bytes. Default: 64 MiB.
    pub memory: usize,
    /// The time of a call, including the wait for a free instance. Default: 10 seconds.
    pub time: Duration,
    /// The time that the store has for one answer. For the call, a store that takes longer is
    /// unavailable. Default: 5 seconds.
    pub store_time: Duration,
    /// The number of instances at a time; further calls wait. Their address space is reserved when
    /// the artifact is loaded. Default: 64.
    pub instances: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            time: Duration::from_secs(10),
            store_time: Duration::from_secs(5),
            instances: 64,
        }
    }
}
