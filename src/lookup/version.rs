//! Versions: of modules, by which they are ordered and found, and of Redis.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use semver::Version;

use crate::error::excerpt;
use crate::snapshot::image::{Damaged, Entry};

/// Returns the version of a module: its semantic version, or, where it has none, the one that
/// `version` stands for. A module with neither is older than every other.
pub(super) fn of(entry: &Entry<'_>) -> Result<Version, Damaged> {
    let semantic = entry.semantic_version()?.and_then(|text| Version::parse(text).ok());
    Ok(semantic.unwrap_or_else(|| from_number(entry.version().unwrap_or_default())))
}

/// Tells whether a version that somebody asks for is the one of this module: its semantic version,
/// the beginning of it, or `version`.
pub(super) fn matches(entry: &Entry<'_>, asked: &str) -> Result<bool, Damaged> {
    let spelled = match (entry.semantic_version()?, entry.version()) {
        (Some(spelled), _) => String::from(spelled),
        (None, Some(number)) => from_number(number).to_string(),
        (None, None) => return Ok(false),
    };
    let begins =
        spelled.strip_prefix(asked).is_some_and(|end| end.is_empty() || end.starts_with('.'));
    let is_number = asked.bytes().all(|byte| byte.is_ascii_digit())
        && entry.version().is_some_and(|version| asked.parse() == Ok(version));
    Ok(!asked.is_empty() && (begins || is_number))
}

/// Returns the semantic version that a `version` stands for: major * 10000 + minor * 100 + patch.
fn from_number(number: u32) -> Version {
    let number = u64::from(number);
    Version::new(number / 10_000, number / 100 % 100, number % 100)
}

/// The Redis version of a database, such as `7.4` or `7.4.2`. Without the patch it stands for all of
/// this major and minor version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RedisVersion {
    major: u32,
    minor: u32,
    patch: Option<u32>,
}

impl RedisVersion {
    /// Tells whether a module is made for this version, given its `compatible_redis_version`: the
    /// major and minor versions are the same.
    pub(super) fn is_compatible(self, compatible: &str) -> bool {
        compatible
            .parse()
            .is_ok_and(|Self { major, minor, .. }| (major, minor) == (self.major, self.minor))
    }

    /// Compares this version with the `min_redis_version` of a module.
    pub(super) fn compare_minimum(self, minimum: &str) -> Minimum {
        let Some((major, minor, patch)) = parts(minimum) else {
            return Minimum::Unreadable;
        };
        let lowest = (minor.unwrap_or_default(), patch.unwrap_or_default());
        if major != self.major {
            Minimum::OtherMajor
        } else if lowest > (self.minor, self.patch.unwrap_or(u32::MAX)) {
            Minimum::Above
        } else {
            Minimum::Reached
        }
    }
}

/// The outcome of comparing a Redis version with the lowest one that a module needs.
pub(super) enum Minimum {
    /// The module needs a higher one.
    Above,
    /// The module is for another major version.
    OtherMajor,
    /// It is high enough.
    Reached,
    /// The module's field is no version.
    Unreadable,
}

impl FromStr for RedisVersion {
    type Err = InvalidRedisVersion;

    fn from_str(text: &str) -> Result<Self, InvalidRedisVersion> {
        match parts(text) {
            Some((major, Some(minor), patch)) => Ok(Self { major, minor, patch }),
            _ => Err(InvalidRedisVersion(excerpt(text))),
        }
    }
}

impl fmt::Display for RedisVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// Reads one to three numbers with dots between them.
fn parts(text: &str) -> Option<(u32, Option<u32>, Option<u32>)> {
    let number = |digits: &str| {
        let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| only_digits)
    };
    let mut numbers = text.split('.').map(number);
    let major = numbers.next()??;
    let minor = numbers.next().map_or(Some(None), |it| it.map(Some))?;
    let patch = numbers.next().map_or(Some(None), |it| it.map(Some))?;
    numbers.next().is_none().then_some((major, minor, patch))
}

/// The error for a text that is not a Redis version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidRedisVersion(String);

impl fmt::Display for InvalidRedisVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a redis version, expected one such as 7.4 or 7.4.2", self.0)
    }
}

impl core::error::Error for InvalidRedisVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_versions_have_two_or_three_numbers() {
        for text in ["7.4", "7.4.2", "10.0.11"] {
            let version: RedisVersion = text.parse().unwrap();
            assert_eq!(version.to_string(), text);
        }
        for text in
            ["", "7", "7.", ".4", "7.4.", "7.4.2.1", "7.x", "+7.4", "7.-4", " 7.4", "7.99999999999"]
        {
            let error = text.parse::<RedisVersion>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("such as 7.4"), "{error}");
        }
    }

    #[test]
    fn a_version_without_a_patch_stands_for_all_of_them() {
        let reached = |database: &str, minimum| {
            let database: RedisVersion = database.parse().unwrap();
            matches!(database.compare_minimum(minimum), Minimum::Reached)
        };
        assert!(reached("7.2", "7.2.5") && reached("7.2", "7.2") && reached("7.2", "7"));
        assert!(!reached("7.2.4", "7.2.5") && reached("7.2.5", "7.2.5"));
        assert!(!reached("7.2", "7.3") && !reached("7.2", "6.0.7") && !reached("7.2", "x"));
    }
}
