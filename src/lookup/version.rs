//! Versions: of modules, by which they are ordered and found, and of Redis.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use semver::Prerelease;

use crate::error::excerpt;

/// The version of a module. Versions are ordered by the precedence of Semantic Versioning 2.0.0, section
/// 11: build metadata does not count, and a pre-release is older than its release.
///
/// Versions are read leniently: one to four numbers, with zeros or a `v` before them. A missing number is
/// zero.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ModuleVersion {
    numbers: [u64; 4],
    prerelease: Prerelease,
}

impl ModuleVersion {
    /// Returns the version of a module with these fields: its `semantic_version`, or the version that
    /// `version` stands for if the former is not a version.
    pub(crate) fn of(semantic_version: Option<&str>, version: Option<u32>) -> Option<Self> {
        let semantic = semantic_version.and_then(Self::parse).map(|(version, _)| version);
        semantic.or_else(|| version.map(Self::from_number))
    }

    /// Returns whether this is the requested version, or begins with the requested numbers.
    pub(super) fn begins_with(&self, asked: &str) -> bool {
        let Some((asked, count)) = Self::parse(asked) else { return false };
        self.numbers.iter().zip(asked.numbers).take(count).all(|(a, b)| *a == b)
            && (asked.prerelease.is_empty() || asked.prerelease == self.prerelease)
    }

    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// Reads a version. Returns the count of its numbers too.
    fn parse(text: &str) -> Option<(Self, usize)> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (text, prerelease) = text.split_once('-').unwrap_or((text, ""));

        let mut numbers = [0; 4];
        let mut count = 0;
        for digits in text.split('.') {
            *numbers.get_mut(count)? = number(digits)?;
            count += 1;
        }
        Some((Self { numbers, prerelease: Prerelease::new(prerelease).ok()? }, count))
    }

    /// Returns the version that a `version` stands for: major * 10000 + minor * 100 + patch.
    fn from_number(number: u32) -> Self {
        let number = u64::from(number);
        let numbers = [number / 10_000, number / 100 % 100, number % 100, 0];
        Self { numbers, prerelease: Prerelease::EMPTY }
    }
}

/// Reads digits alone, for `str::parse` takes a sign too.
fn number<N: FromStr>(digits: &str) -> Option<N> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| only_digits)
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
    /// Returns whether a database of this version takes a module by its `min_redis_version`. From 7.4 on
    /// `compatible_redis_version` must match (Redis Enterprise, module object).
    pub(super) fn goes_by_minimum(self) -> bool {
        (self.major, self.minor) < (7, 4)
    }

    /// Returns whether a module is made for this version, given its `compatible_redis_version`: the
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
    /// The module's field is not a version.
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
    use alloc::string::ToString as _;

    use super::*;

    fn version(text: &str) -> ModuleVersion {
        ModuleVersion::parse(text).unwrap().0
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let ascending = [
            "0",
            "0.9.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc1",
            "1",
            "1.0.0.1",
            "2.8.4",
            "2.10.17",
            "v2.101.0",
            "10.0.0",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for (a, b) in [
            ("1.0.0+build.1", "1.0.0+build.2"),
            ("2.10", "2.10.0"),
            ("v2.10.0", "2.10.0"),
            ("2.08.1", "2.8.1"),
            ("1.0.0-rc1+5", "1.0.0-rc1"),
        ] {
            assert_eq!(version(a), version(b));
        }
        for text in ["", "v", "x", "1.", ".1", "1..2", "1.2.3.4.5", "-1", "+1", "1.0-r c", "1.0 "] {
            assert_eq!(ModuleVersion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_without_a_semantic_version_is_its_number() {
        assert_eq!(ModuleVersion::of(None, Some(21_017)), Some(version("2.10.17")));
        assert_eq!(ModuleVersion::of(Some(""), Some(21_017)), Some(version("2.10.17")));
        assert_eq!(ModuleVersion::of(Some("two"), None), None);
        assert_eq!(ModuleVersion::of(Some("2"), Some(30_000)), Some(version("2.0.0")));
    }

    #[test]
    fn a_version_is_found_by_its_beginning() {
        for (found, asked) in [
            ("2.10.17", "2"),
            ("2.10.17", "2.10"),
            ("2.10.17", "v2.010.17"),
            ("2.10.17+7", "2.10.17"),
            ("8.2.0-rc1", "8.2"),
            ("8.2.0-rc1", "8.2.0-rc1"),
        ] {
            assert!(version(found).begins_with(asked), "{asked}");
        }
        for (found, asked) in
            [("2.10.17", "2.1"), ("2.10.17", "2."), ("2.10.17", ""), ("8.2.0", "8.2.0-rc1")]
        {
            assert!(!version(found).begins_with(asked), "{asked}");
        }
    }

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
    fn a_redis_version_without_a_patch_stands_for_all_patches() {
        let reached = |database: &str, minimum| {
            let database: RedisVersion = database.parse().unwrap();
            matches!(database.compare_minimum(minimum), Minimum::Reached)
        };
        assert!(reached("7.2", "7.2.5") && reached("7.2", "7.2") && reached("7.2", "7"));
        assert!(!reached("7.2.4", "7.2.5") && reached("7.2.5", "7.2.5"));
        assert!(!reached("7.2", "7.3") && !reached("7.2", "6.0.7") && !reached("7.2", "x"));
    }
}
