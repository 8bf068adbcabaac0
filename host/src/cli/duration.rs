//! Durations on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The value of an option for a timeout, such as `500ms`, `30s` or `2m`: at most a day.
pub type Timeout = UpTo<DAY>;

/// The value of an option for an age, such as `1m` or `24h`: at most 366 days.
pub type Age = UpTo<YEAR>;

/// A duration of at least a millisecond, and at most `MOST` seconds.
#[derive(Clone, Copy)]
pub struct UpTo<const MOST: u64>(pub Duration);

impl<const MOST: u64> UpTo<MOST> {
    /// The duration as the default of an option.
    pub const fn of(duration: Duration) -> Self {
        Self(duration)
    }
}

impl<const MOST: u64> FromStr for UpTo<MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(duration) if (LEAST..=Duration::from_secs(MOST)).contains(&duration) => {
                Ok(Self(duration))
            }
            Ok(_) => Err(format!("expected a duration of 1ms to {}h", MOST / 3600)),
            Err(_) => Err("expected a duration such as 500ms, 30s or 2m".into()),
        }
    }
}

const LEAST: Duration = Duration::from_millis(1);
const DAY: u64 = 24 * 60 * 60;
const YEAR: u64 = 366 * DAY;

impl<const MOST: u64> fmt::Display for UpTo<MOST> {
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
            [("500ms", 500), ("30s", 30_000), ("1m 30s", 90_000), ("24h", 86_400_000)]
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
            ("0s", "1ms to 24h"),
            ("1ns", "1ms to 24h"),
            ("24h 1ns", "1ms to 24h"),
            ("2d", "1ms to 24h"),
        ] {
            let error = text.parse::<Timeout>().err().unwrap();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn an_age_is_at_most_a_year() {
        let refused = |text: &str| text.parse::<Age>().err().unwrap();
        assert_eq!(refused("0s"), "expected a duration of 1ms to 8784h");
        assert!("366d".parse::<Age>().is_ok());
        assert!("367d".parse::<Age>().is_err());
    }
}
