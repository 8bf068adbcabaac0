//! Durations on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The value of an option for a timeout, such as `500ms`, `30s` or `2m`: more than 0, and at most a
/// day.
pub type Timeout = Between<1, DAY>;

/// The value of an option for an age, such as `0s` or `1m`: at most a day.
pub type Age = Between<0, DAY>;

/// The value of an option for an age, such as `0s` or `24h`: at most 366 days.
pub type LongAge = Between<0, YEAR>;

/// A duration of at least `LEAST` nanoseconds, and at most `MOST` seconds.
#[derive(Clone, Copy)]
pub struct Between<const LEAST: u64, const MOST: u64>(pub Duration);

impl<const LEAST: u64, const MOST: u64> Between<LEAST, MOST> {
    /// The duration as the default of an option.
    pub const fn of(duration: Duration) -> Self {
        Self(duration)
    }
}

impl<const LEAST: u64, const MOST: u64> FromStr for Between<LEAST, MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = Duration::from_nanos(LEAST)..=Duration::from_secs(MOST);
        match humantime::parse_duration(text) {
            Ok(duration) if allowed.contains(&duration) => Ok(Self(duration)),
            Ok(_) => {
                let least = if LEAST > 0 { "of more than 0 and " } else { "of " };
                Err(format!("expected a duration {least}at most {}h", MOST / 3600))
            }
            Err(_) => Err("expected a duration such as 500ms, 30s or 2m".into()),
        }
    }
}

const DAY: u64 = 24 * 60 * 60;
const YEAR: u64 = 366 * DAY;

impl<const LEAST: u64, const MOST: u64> fmt::Display for Between<LEAST, MOST> {
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
    fn an_age_may_be_zero() {
        assert!("0s".parse::<Age>().is_ok_and(|age| age.0.is_zero()));
        let refused = |text: &str| text.parse::<Age>().err().unwrap();
        assert_eq!(refused("25h"), "expected a duration of at most 24h");
        assert!("366d".parse::<LongAge>().is_ok());
        assert!("367d".parse::<LongAge>().is_err());
    }
}
