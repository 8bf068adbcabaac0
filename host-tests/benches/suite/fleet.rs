//! A fleet of mirrors through an outage of the cluster, simulated on virtual time. Nothing is measured:
//! every run gives the same figures, on every machine.

use std::ops::Range;

use serde::Serialize;

use self::fleet_model::{Run, run};

#[path = "../../../tests/fleet_model/mod.rs"]
mod fleet_model;

const MIRRORS: u64 = 10_000;
const SECONDS: u64 = 1800;
const OUTAGE: Range<u64> = 600..1200;

/// The seconds before the outage in which each mirror has settled.
const STEADY: Range<u64> = 300..600;

/// The load of one arrangement of the fleet on the cluster.
#[derive(Serialize)]
pub struct Fleet {
    /// The mirrors between those that answer clients and the cluster.
    pub relays: u64,
    /// Requests per second before the outage.
    pub steady: f64,
    /// Requests per second in the first minute of the outage.
    pub outage: f64,
    /// Requests per second in the first minute after it.
    pub recovery: f64,
    /// The most requests in one second of that minute.
    pub recovery_peak: u64,
    /// The age of the oldest answer before the outage, in seconds.
    pub oldest: u64,
    /// The seconds after the outage until no answer is older than that.
    pub recovered: u64,
    /// The requests by second.
    pub requests: Vec<u64>,
}

/// Simulates a fleet whose mirrors ask the cluster, and one whose mirrors ask ten that do.
pub fn simulate() -> Vec<Fleet> {
    [0, 10].map(fleet).into()
}

fn fleet(relays: u64) -> Fleet {
    let figures = run(&Run { mirrors: MIRRORS, relays, seconds: SECONDS, outage: OUTAGE });
    let minute = |from: u64| from..from + 60;
    let oldest = figures.oldest(STEADY);
    Fleet {
        relays,
        steady: figures.rate(STEADY),
        outage: figures.rate(minute(OUTAGE.start)),
        recovery: figures.rate(minute(OUTAGE.end)),
        recovery_peak: figures.peak(minute(OUTAGE.end)),
        oldest,
        recovered: figures.until_younger_than(oldest, OUTAGE.end),
        requests: figures.requests,
    }
}
