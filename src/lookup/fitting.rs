//! The module that a database gets, of the modules of each name.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::excerpt;
use crate::lookup::version::Minimum;
use crate::lookup::{Candidate, RedisVersion, choose};
use crate::module::Module;
use crate::snapshot::image::{Damaged, Entry};

/// The module that a database of one Redis version gets, of the modules of one name.
///
/// 1. The newest one whose `compatible_redis_version` has the major and minor version of the database.
/// 2. If no module of the name has that, and the database's version is below 7.4: of those without
///    `compatible_redis_version`, or with an empty one, the newest whose `min_redis_version` is not above
///    the database's version and has the same major version.
///
/// A pre-release is chosen only if no release fits by the same rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fitting {
    /// The name, as the first module of the list spells it.
    pub module_name: String,
    /// The module that the database gets. `None` if no module of the name fits.
    pub chosen: Option<ChosenModule>,
    /// The other modules of the name, newest first.
    pub others: Vec<OtherModule>,
}

/// The module that a database gets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChosenModule {
    /// The module.
    pub module: Module,
    /// The rule by which it was chosen.
    pub rule: FittingRule,
    /// The reason, for people.
    pub reason: String,
}

/// A rule by which a module is chosen for a database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FittingRule {
    /// The module's `compatible_redis_version` has the database's major and minor version.
    CompatibleRedisVersion,
    /// The module's `min_redis_version` is not above the database's version and has the same major
    /// version, and no module of the name is made for the database's version, which is below 7.4.
    MinRedisVersion,
}

/// A module that a database does not get.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherModule {
    /// The uid of the module.
    pub uid: String,
    /// The semantic version of the module.
    pub semantic_version: Option<String>,
    /// The reason, for people.
    pub reason: String,
}

/// Returns, of each name, the entry that a database of this version gets, in their order.
pub(crate) fn choose_fitting<'a>(
    entries: &[Entry<'a>],
    redis_version: RedisVersion,
) -> Result<Vec<Entry<'a>>, Damaged> {
    choose(entries, |newest_first| {
        let chosen = fitting(newest_first, redis_version)?;
        Ok(chosen.map(|(chosen, _)| chosen))
    })
}

/// Chooses of the modules of one name, and says why.
pub(super) fn explain(
    newest_first: &[Candidate<'_>],
    redis_version: RedisVersion,
) -> Result<Fitting, Damaged> {
    let choice = fitting(newest_first, redis_version)?;
    let first = newest_first.iter().min_by_key(|candidate| candidate.place);
    let module_name = first.map_or("", |first| first.name).into();
    let mut fitting = Fitting { module_name, chosen: None, others: Vec::new() };
    for candidate in newest_first {
        let verdict = Verdict::of(&candidate.entry, redis_version)?;
        match choice {
            Some((chosen, rule)) if chosen.place == candidate.place => {
                let mut reason = verdict.reason(redis_version).into_owned();
                if rule == FittingRule::MinRedisVersion {
                    reason += &format!(", and no version is made for {redis_version}");
                }
                let module = candidate.entry.module()?;
                fitting.chosen = Some(ChosenModule { module, rule, reason });
            }
            _ => fitting.others.push(OtherModule {
                uid: candidate.entry.uid()?.into(),
                semantic_version: candidate.entry.semantic_version()?.map(String::from),
                reason: match choice {
                    Some((chosen, rule)) if verdict.fits_by(rule) => {
                        let is_newer = candidate.version > chosen.version;
                        (if is_newer { "a release fits" } else { "a newer one fits" }).into()
                    }
                    Some(_) if verdict.fits_by(FittingRule::MinRedisVersion) => {
                        let reason = verdict.reason(redis_version);
                        format!("{reason}, but another version is made for {redis_version}")
                    }
                    _ => verdict.reason(redis_version).into_owned(),
                },
            }),
        }
    }
    Ok(fitting)
}

/// Returns the module that fits, and the rule by which it does.
fn fitting<'c, 'a>(
    newest_first: &'c [Candidate<'a>],
    redis_version: RedisVersion,
) -> Result<Option<(&'c Candidate<'a>, FittingRule)>, Damaged> {
    for rule in [FittingRule::CompatibleRedisVersion, FittingRule::MinRedisVersion] {
        let mut prerelease = None;
        for candidate in newest_first {
            if !Verdict::of(&candidate.entry, redis_version)?.fits_by(rule) {
                continue;
            }
            if !candidate.is_prerelease() {
                return Ok(Some((candidate, rule)));
            }
            prerelease = prerelease.or(Some((candidate, rule)));
        }
        if prerelease.is_some() {
            return Ok(prerelease);
        }
    }
    Ok(None)
}

/// The outcome of comparing a module with a Redis version.
enum Verdict<'a> {
    /// It is made for this version.
    Compatible(&'a str),
    /// It is made for another version.
    Incompatible(&'a str),
    /// It states what it needs, and not for which version it is made.
    Minimum(&'a str, Minimum),
    /// It states nothing that counts for this version: this is the reason.
    Unstated(&'static str),
}

impl<'a> Verdict<'a> {
    fn of(entry: &Entry<'a>, redis_version: RedisVersion) -> Result<Self, Damaged> {
        let stated = |field: Option<&'a str>| field.filter(|text| !text.is_empty());
        if let Some(compatible) = stated(entry.compatible_redis_version()?) {
            return Ok(match redis_version.is_compatible(compatible) {
                true => Self::Compatible(compatible),
                false => Self::Incompatible(compatible),
            });
        }
        if !redis_version.goes_by_minimum() {
            return Ok(Self::Unstated("states no compatible_redis_version"));
        }
        let neither = Self::Unstated("neither compatible_redis_version nor min_redis_version");
        Ok(stated(entry.min_redis_version()?).map_or(neither, |minimum| {
            Self::Minimum(minimum, redis_version.compare_minimum(minimum))
        }))
    }

    fn fits_by(&self, rule: FittingRule) -> bool {
        match rule {
            FittingRule::CompatibleRedisVersion => matches!(self, Self::Compatible(_)),
            FittingRule::MinRedisVersion => matches!(self, Self::Minimum(_, Minimum::Reached)),
        }
    }

    fn reason(&self, redis_version: RedisVersion) -> Cow<'static, str> {
        match self {
            Self::Compatible(version) | Self::Incompatible(version) => {
                format!("compatible_redis_version is {}", excerpt(version)).into()
            }
            Self::Minimum(version, minimum) => {
                let version = excerpt(version);
                match minimum {
                    Minimum::Above => {
                        format!("min_redis_version is {version}, above {redis_version}")
                    }
                    Minimum::OtherMajor => {
                        format!("min_redis_version is {version}, another major version")
                    }
                    Minimum::Reached => format!("min_redis_version is {version}"),
                    Minimum::Unreadable => format!("min_redis_version is {version}, not a version"),
                }
                .into()
            }
            Self::Unstated(reason) => (*reason).into(),
        }
    }
}
