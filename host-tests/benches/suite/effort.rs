//! The effort of a measurement.

use std::time::Duration;

/// The effort of a measurement: rounds, times and lengths.
#[derive(Clone, Copy)]
pub struct Effort {
    /// The number of turns of each side of a comparison.
    pub rounds: usize,
    /// The time that criterion measures a side, in each turn.
    pub turn: Duration,
    /// The time that a server is loaded, in each turn; wrk counts whole seconds.
    pub load: Duration,
    /// The number of times that a process is started.
    pub starts: usize,
    /// The number of modules in the longest catalog.
    pub modules: usize,
    /// The packages of the first build: ours, and its twin.
    pub built: [&'static str; 2],
}

impl Effort {
    /// The effort of published results.
    pub const FULL: Self = Self {
        rounds: 5,
        turn: Duration::from_millis(500),
        load: Duration::from_secs(3),
        starts: 21,
        modules: 100_000,
        built: ["ccs-modules-host", "wasmtime"],
    };

    /// The least effort: it only shows that every row can be measured.
    pub const QUICK: Self = Self {
        rounds: 1,
        turn: Duration::from_millis(20),
        load: Duration::from_secs(1),
        starts: 1,
        modules: 1_000,
        built: ["ccs-modules", "serde_json"],
    };
}
