//! What one call may use.

use std::time::Duration;

/// What one call may use, and how many calls there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How much memory an instance may have, in bytes. Default: 64 MiB.
    pub memory: usize,
    /// How long a call may take, waiting for a free instance included. Default: 10 seconds.
    pub time: Duration,
    /// How long the store may take for one answer. A store that takes longer is unavailable, and
    /// the call goes on with that. Default: 5 seconds.
    pub store_time: Duration,
    /// How many instances may live at once; further calls wait. Their address space is reserved
    /// when the artifact is loaded. Default: 64.
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
