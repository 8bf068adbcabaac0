//! Durations on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The value of an option for a timeout, such as `500ms`, `30s` or `2m`: at most a day.
pub type Timeout = UpTo<DAY>;

/// The value of an option for an age, such as `1m` or `24h`: at most 366 days.
pub type Age = UpTo<YEAR>;

/// A duration of more than 0, and at most `MOST` seconds.
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
            Ok(duration) if !duration.is_zero() && duration <= Duration::from_secs(MOST) => {
                Ok(Self(duration))
            }
            Ok(_) => {
                Err(format!("expected a duration of more than 0 and at most {}h", MOST / 3600))
            }
            Err(_) => Err("expected a duration such as 500ms, 30s or 2m".into()),
        }
    }
}

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

    #[test]
    fn an_age_is_at_most_a_year() {
        let refused = |text: &str| text.parse::<Age>().err().unwrap();
        assert_eq!(refused("0s"), "expected a duration of more than 0 and at most 8784h");
        assert!("366d".parse::<Age>().is_ok());
        assert!("367d".parse::<Age>().is_err());
    }
}
