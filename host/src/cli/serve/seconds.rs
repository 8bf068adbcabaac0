//! Durations, as they are written on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration in seconds, such as `10` or `0.5`: longer than none, and no longer than a day.
#[derive(Clone, Copy)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let seconds =
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match seconds {
            Some(duration) if !duration.is_zero() && duration <= DAY => Ok(Self(duration)),
            _ => Err("expected a number of seconds, more than 0 and at most 86400"),
        }
    }
}

const DAY: Duration = Duration::from_secs(86400);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs_f64().fmt(f)
    }
}
