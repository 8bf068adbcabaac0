//! The module that a database gets, of the modules of each name.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::excerpt;
use crate::lookup::version::Minimum;
use crate::lookup::{Candidate, RedisVersion, choose};
use crate::module::{Document, Field, Module};

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

/// Returns, of each name, the document of the module that a database of this version gets, in their
/// order.
pub(crate) fn choose_fitting(
    documents: Vec<Document<'_>>,
    redis_version: RedisVersion,
) -> Vec<Document<'_>> {
    choose(documents, |newest_first| fitting(newest_first, redis_version).map(|(chosen, _)| chosen))
}

/// Chooses of the modules of one name, with the reason for each.
pub(super) fn explain(newest_first: &[Candidate<'_>], redis_version: RedisVersion) -> Fitting {
    let choice = fitting(newest_first, redis_version);
    let first = newest_first.iter().min_by_key(|candidate| candidate.place);
    let module_name = first.map_or("", |first| &first.name).into();
    let mut fitting = Fitting { module_name, chosen: None, others: Vec::new() };

    for candidate in newest_first {
        let document = candidate.document;
        let verdict = Verdict::of(document, redis_version);
        let reason = verdict.reason(redis_version);
        let reason = match choice {
            Some((chosen, rule)) if chosen.place == candidate.place => {
                let reason = match rule {
                    FittingRule::CompatibleRedisVersion => reason.into_owned(),
                    FittingRule::MinRedisVersion => {
                        format!("{reason}, and no version is made for {redis_version}")
                    }
                };
                let module = document.clone().into_module();
                fitting.chosen = Some(ChosenModule { module, rule, reason });
                continue;
            }
            Some((chosen, rule)) if verdict.fits_by(rule) => {
                let is_newer = candidate.version > chosen.version;
                (if is_newer { "a release fits" } else { "a newer one fits" }).into()
            }
            Some(_) if verdict.fits_by(FittingRule::MinRedisVersion) => {
                format!("{reason}, but another version is made for {redis_version}")
            }
            _ => reason.into_owned(),
        };
        let uid = document.uid().into_owned();
        let semantic_version = document.text(Field::SemanticVersion).map(Cow::into_owned);
        fitting.others.push(OtherModule { uid, semantic_version, reason });
    }
    fitting
}

/// Returns the module that fits, and the rule by which it does.
fn fitting<'c, 'd>(
    newest_first: &'c [Candidate<'d>],
    redis_version: RedisVersion,
) -> Option<(&'c Candidate<'d>, FittingRule)> {
    let by = |rule| {
        let mut fitting = newest_first
            .iter()
            .filter(move |it| Verdict::of(it.document, redis_version).fits_by(rule));
        let newest = fitting.next()?;
        let releases = [newest].into_iter().chain(fitting);
        let release = releases.into_iter().find(|candidate| !candidate.is_prerelease());
        Some((release.unwrap_or(newest), rule))
    };
    by(FittingRule::CompatibleRedisVersion).or_else(|| by(FittingRule::MinRedisVersion))
}

/// The outcome of comparing a module with a Redis version.
enum Verdict<'d> {
    /// It is made for this version.
    Compatible(Cow<'d, str>),
    /// It is made for another version.
    Incompatible(Cow<'d, str>),
    /// It has the lowest version that it needs, and no version for which it is made.
    Minimum(Cow<'d, str>, Minimum),
    /// It has no field that decides for this version, for this reason.
    Unstated(&'static str),
}

impl<'d> Verdict<'d> {
    fn of(document: &'d Document<'_>, redis_version: RedisVersion) -> Self {
        let stated = |field| document.text(field).filter(|text| !text.is_empty());
        if let Some(compatible) = stated(Field::CompatibleRedisVersion) {
            return match redis_version.is_compatible(&compatible) {
                true => Self::Compatible(compatible),
                false => Self::Incompatible(compatible),
            };
        }

        if !redis_version.goes_by_minimum() {
            return Self::Unstated("states no compatible_redis_version");
        }
        match stated(Field::MinRedisVersion) {
            Some(minimum) => {
                let compared = redis_version.compare_minimum(&minimum);
                Self::Minimum(minimum, compared)
            }
            None => Self::Unstated("neither compatible_redis_version nor min_redis_version"),
        }
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
