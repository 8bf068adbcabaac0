//! How much time is spent on a measurement.

use std::time::Duration;

/// How much time is spent on a measurement.
#[derive(Clone, Copy)]
pub struct Effort {
    /// How often each side of a comparison has its turn.
    pub rounds: usize,
    /// How long criterion measures a side, each turn.
    pub turn: Duration,
    /// How long a server is loaded, each turn; wrk counts whole seconds.
    pub load: Duration,
    /// How often a process is started.
    pub starts: usize,
    /// How many modules a catalog grows to.
    pub modules: usize,
}

impl Effort {
    /// What the results are measured with.
    pub const FULL: Self = Self {
        rounds: 5,
        turn: Duration::from_millis(500),
        load: Duration::from_secs(3),
        starts: 21,
        modules: 100_000,
    };

    /// Only to see that every row can be measured.
    pub const QUICK: Self = Self {
        rounds: 1,
        turn: Duration::from_millis(20),
        load: Duration::from_secs(1),
        starts: 1,
        modules: 1_000,
    };
}
