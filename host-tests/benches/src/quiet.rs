//! The load of the machine above which no results are published.

use std::error::Error;
use std::fmt;

/// The load average, of one minute, up to which results are published.
pub const MOST: f64 = 0.5;

/// The error for a machine that is too busy.
#[derive(Debug)]
pub struct Busy(f64);

/// Checks the load average of the last minute before a run that is published.
///
/// # Errors
///
/// If it is above [`MOST`].
pub fn check(load: f64) -> Result<(), Busy> {
    if load <= MOST { Ok(()) } else { Err(Busy(load)) }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(load) = self;
        write!(
            f,
            "the load average is {load:.2}, and results are published up to {MOST} only. End other programs, wait \
             for some minutes after a build, and run again. With `-- PART` a part is measured and not published"
        )
    }
}

impl Error for Busy {}
