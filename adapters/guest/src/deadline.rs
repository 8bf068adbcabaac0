//! The end of the time that something may take, on WASI 0.2.
//!
//! Each bridge has its own bindings, so this file is a module of each that waits:
//! `#[path = "../../guest/src/deadline.rs"] mod deadline;`.

use alloc::vec::Vec;
use core::time::Duration;

use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::bindings::wasi::io::poll::{Pollable, poll};

/// The end of a time.
pub(crate) struct Deadline(Pollable);

impl Deadline {
    /// Returns the moment that comes after this time.
    pub(crate) fn after(time: Duration) -> Self {
        Self(subscribe_duration(nanoseconds(time)))
    }

    /// Returns whether the time is over.
    #[allow(dead_code, reason = "not every bridge asks")]
    pub(crate) fn is_over(&self) -> bool {
        self.0.ready()
    }

    /// Waits until one of the pollables is ready. Returns the indices of those that are; `None` if the time
    /// is over.
    pub(crate) fn wait_for(&self, pollables: &[&Pollable]) -> Option<Vec<u32>> {
        // The first is the deadline, which counts even where another one is always ready.
        let ready = poll(&[&[&self.0], pollables].concat());
        if ready.contains(&0) {
            return None;
        }
        Some(ready.into_iter().map(|index| index - 1).collect())
    }
}

/// Returns a time as the host counts it.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
