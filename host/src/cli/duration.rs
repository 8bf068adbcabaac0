//! Durations on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The value of an option for a timeout, such as `500ms`, `30s` or `2m`: more than 0, and at most a
/// day.
#[derive(Clone, Copy)]
pub struct Timeout(pub Duration);

impl FromStr for Timeout {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() && duration <= DAY => Ok(Self(duration)),
            Ok(_) => Err("expected a duration of more than 0 and at most 24h"),
            Err(_) => Err("expected a duration such as 500ms, 30s or 2m"),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        for (text, milliseconds) in
            [("500ms", 500), ("30s", 30_000), ("1m 30s", 90_000), ("24h", 86_400_000), ("1ns", 0)]
        {
            let timeout: Timeout = text.parse().unwrap();
            assert_eq!(timeout.0.as_millis(), milliseconds, "{text}");
        }
        for (text, reason) in [
            ("10", "such as"),
            ("0.5", "such as"),
            ("-1s", "such as"),
            ("s", "such as"),
            ("", "such as"),
            ("9999999999999999999999s", "such as"),
            ("0s", "at most 24h"),
            ("24h 1ns", "at most 24h"),
            ("2d", "at most 24h"),
        ] {
            let error = text.parse::<Timeout>().err().unwrap();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
