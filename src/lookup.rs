//! Lookups: the modules of a name, the latest ones, those that fit a Redis version, and the
//! differences between two catalogs.
//!
//! They are extensions: the REST API of Redis Enterprise lists modules and gets one by its uid, and
//! no more.
//!
//! Names are compared without (ASCII) case. The newest module of a name is the one with the highest
//! semantic version. If `semantic_version` is not a version, `version` counts, which is the version as
//! one number. Of equal versions the first of the list is taken. A pre-release is chosen only if there is
//! nothing else.
//!
//! ```
//! use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
//! use ccs_modules::{Limits, Snapshot};
//!
//! let body = br#"[
//!     {"uid": "a", "module_name": "search", "semantic_version": "2.10.17", "compatible_redis_version": "7.4"},
//!     {"uid": "b", "module_name": "search", "semantic_version": "2.8.26", "min_redis_version": "7.1"},
//!     {"uid": "c", "module_name": "search", "semantic_version": "2.6.29", "min_redis_version": "6.0.7"}
//! ]"#;
//! let limits = Limits::default();
//! let catalog = Snapshot::parse(body, &limits)?;
//!
//! let roles = ["db_viewer"];
//!
//! let found = catalog.answer(find_modules(&roles, "Search", Some("2.8"), &limits))?;
//! assert_eq!(found[0].uid, "b");
//!
//! let latest = catalog.answer(latest_modules(&roles, &limits))?;
//! assert_eq!(latest[0].uid, "a");
//!
//! let fitting = catalog.answer(fitting_modules(&roles, "7.2", &limits))?;
//! let chosen = fitting[0].chosen.as_ref().unwrap();
//! assert_eq!(chosen.module.uid, "b");
//! assert_eq!(chosen.reason, "min_redis_version is 7.1, and no version is made for 7.2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod differences;
mod fitting;
mod version;

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::checked::Catalog;
use crate::error::Error;
use crate::limits::Limits;
use crate::module::{Document, Field, Module};
use crate::roles::may_view_modules;
use crate::step::Step;

pub(crate) use crate::lookup::differences::differences;
pub use crate::lookup::differences::{ChangedModule, Differences, FieldDifference};
pub(crate) use crate::lookup::fitting::choose_fitting;
use crate::lookup::fitting::explain;
pub use crate::lookup::fitting::{ChosenModule, Fitting, FittingRule, OtherModule};
pub(crate) use crate::lookup::version::ModuleVersion;
pub use crate::lookup::version::{InvalidRedisVersion, RedisVersion};

/// Begins finding the modules of a name, newest first, for a caller with these management roles.
///
/// `version` is one of: the semantic version (`2.10.17`), the numbers that it begins with (`2.10`, `2`),
/// or the version as one number (`21017`). A module that has the text itself as its version is found alone,
/// and a pre-release is found only if there is no release, or by its text.
///
/// # Errors
///
/// Those of [`list_modules`](crate::list_modules).
pub fn find_modules<R: AsRef<str>>(
    roles: &[R],
    name: &str,
    version: Option<&str>,
    limits: &Limits,
) -> Step<Result<Vec<Module>, Error>> {
    let (name, version) = (String::from(name), version.map(String::from));
    look_up(roles, limits, move |documents| {
        let found = documents.into_iter().filter(|document| {
            has_name(document, &name)
                && version.as_ref().is_none_or(|version| has_version(document, version))
        });
        let found: Vec<_> = found.collect();

        let newest_first = candidates(&found);
        let chosen = match &version {
            Some(asked) => meant(&newest_first, asked),
            None => newest_first.iter().collect(),
        };
        chosen.into_iter().map(|candidate| candidate.document.clone().into_module()).collect()
    })
}

/// Begins listing the newest module of each name, in the order of the list, for a caller with these
/// management roles. A module without a name is left out.
///
/// # Errors
///
/// Those of [`list_modules`](crate::list_modules).
pub fn latest_modules<R: AsRef<str>>(
    roles: &[R],
    limits: &Limits,
) -> Step<Result<Vec<Module>, Error>> {
    look_up(roles, limits, |documents| {
        choose_latest(documents).into_iter().map(Document::into_module).collect()
    })
}

/// Begins a call that chooses, for each name, the module for a database of this Redis version. The caller has
/// these management roles. The outcome is sorted by name. [`Fitting`] has the rules.
///
/// `redis_version` is one such as `7.4` or `7.4.2`. See [`RedisVersion`].
///
/// # Errors
///
/// [`Error::InvalidRedisVersion`], and those of [`list_modules`](crate::list_modules).
pub fn fitting_modules<R: AsRef<str>>(
    roles: &[R],
    redis_version: &str,
    limits: &Limits,
) -> Step<Result<Vec<Fitting>, Error>> {
    // A caller without the permission learns nothing else.
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    let redis_version: RedisVersion = match redis_version.parse() {
        Ok(redis_version) => redis_version,
        Err(error) => return Step::Done(Err(Error::InvalidRedisVersion(error))),
    };

    look_up(roles, limits, move |documents| {
        by_name(&candidates(&documents)).map(|group| explain(group, redis_version)).collect()
    })
}

/// Begins a call whose outcome is a function of all documents.
fn look_up<R: AsRef<str>, T>(
    roles: &[R],
    limits: &Limits,
    outcome: impl FnOnce(Vec<Document<'_>>) -> T + Send + 'static,
) -> Step<Result<T, Error>> {
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    Step::documents(limits, |catalog| Ok(outcome(catalog.and_then(Catalog::documents)?)))
}

/// Returns whether a document is of a module with this name.
pub(crate) fn has_name(document: &Document<'_>, name: &str) -> bool {
    document.text(Field::ModuleName).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// Returns whether a requested version is the one of this module.
fn has_version(document: &Document<'_>, asked: &str) -> bool {
    let (semantic, number) = (document.text(Field::SemanticVersion), document.version());
    let version = ModuleVersion::of(semantic.as_deref(), number);
    !asked.is_empty()
        && (number.is_some_and(|number| number.to_string() == asked)
            || version.is_some_and(|version| !asked.contains('+') && version.begins_with(asked))
            || semantic.as_deref() == Some(asked))
}

/// Returns the candidates for a requested version: those that have it as their text, or else the
/// releases. A pre-release is a candidate by its text, or if there is no release.
fn meant<'c, 'd>(candidates: &'c [Candidate<'d>], asked: &str) -> Vec<&'c Candidate<'d>> {
    let is_exact = |candidate: &&Candidate<'_>| {
        candidate.document.text(Field::SemanticVersion).as_deref() == Some(asked)
    };
    let exact: Vec<_> = candidates.iter().filter(is_exact).collect();
    let releases: Vec<_> = candidates.iter().filter(|it| !it.is_prerelease()).collect();

    match (exact.is_empty(), releases.is_empty() || asked.contains('-')) {
        (false, _) => exact,
        (true, false) => releases,
        (true, true) => candidates.iter().collect(),
    }
}

/// Returns the newest document of each name, in their order.
pub(crate) fn choose_latest(documents: Vec<Document<'_>>) -> Vec<Document<'_>> {
    choose(documents, |newest_first| {
        let release = newest_first.iter().find(|candidate| !candidate.is_prerelease());
        release.or(newest_first.first())
    })
}

/// Returns the documents that `choice` chooses of each name, in their order.
fn choose<'a>(
    documents: Vec<Document<'a>>,
    choice: impl for<'c, 'd> Fn(&'c [Candidate<'d>]) -> Option<&'c Candidate<'d>>,
) -> Vec<Document<'a>> {
    let mut is_chosen = vec![false; documents.len()];
    for group in by_name(&candidates(&documents)) {
        if let Some(chosen) = choice(group).and_then(|chosen| is_chosen.get_mut(chosen.place)) {
            *chosen = true;
        }
    }
    let chosen = documents.into_iter().zip(is_chosen).filter(|(_, is_chosen)| *is_chosen);
    chosen.map(|(document, _)| document).collect()
}

/// A module among those that a lookup chooses from.
struct Candidate<'d> {
    name: Cow<'d, str>,
    /// The version. A module without a version is older than every other.
    version: Option<ModuleVersion>,
    /// The place in the list.
    place: usize,
    document: &'d Document<'d>,
}

impl Candidate<'_> {
    fn is_prerelease(&self) -> bool {
        self.version.as_ref().is_some_and(ModuleVersion::is_prerelease)
    }
}

/// Returns the documents that have a name, sorted by name, newest first, then in their order.
fn candidates<'d>(documents: &'d [Document<'d>]) -> Vec<Candidate<'d>> {
    let candidate = |(place, document): (usize, &'d Document<'d>)| {
        let name = document.text(Field::ModuleName)?;
        let semantic = document.text(Field::SemanticVersion);
        let version = ModuleVersion::of(semantic.as_deref(), document.version());
        Some(Candidate { name, version, place, document })
    };
    let mut candidates: Vec<_> = documents.iter().enumerate().filter_map(candidate).collect();

    candidates.sort_unstable_by(|a, b| {
        let newest_first = || b.version.cmp(&a.version);
        compare_names(&a.name, &b.name).then_with(newest_first).then(a.place.cmp(&b.place))
    });
    candidates
}

/// Returns the candidates of each name.
fn by_name<'c, 'd>(candidates: &'c [Candidate<'d>]) -> impl Iterator<Item = &'c [Candidate<'d>]> {
    candidates.chunk_by(|a, b| a.name.eq_ignore_ascii_case(&b.name))
}

/// Compares names without (ASCII) case.
fn compare_names(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|name| name.bytes().map(|byte| byte.to_ascii_lowercase()));
    a.cmp(b)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use proptest::prelude::*;
    use semver::Version;
    use serde_json::json;

    use super::*;
    use crate::snapshot::Snapshot;
    use crate::step::Ask;

    const ROLES: &[&str] = &["db_viewer"];

    /// The modules of a real cluster: name, semantic version, min_redis_version and
    /// compatible_redis_version.
    const REAL: [(&str, &str, &str, &str); 16] = [
        ("bf", "8.0.1", "7.4", "8.0"),
        ("bf", "2.8.7", "7.4", "7.4"),
        ("bf", "2.6.18", "7.1", "7.2"),
        ("bf", "2.4.15", "6.0", "6.2"),
        ("search", "7.99.91", "8.0", "8.0"),
        ("search", "2.10.17", "7.4", "7.4"),
        ("search", "2.8.26", "7.1", ""),
        ("search", "2.6.29", "6.0.7", ""),
        ("ReJSON", "7.99.3", "7.1", "8.0"),
        ("ReJSON", "2.8.10", "7.4", "7.4"),
        ("ReJSON", "2.6.17", "7.1", "7.2"),
        ("ReJSON", "2.4.13", "6.0", "6.2"),
        ("timeseries", "8.0.2", "8.0", "8.0"),
        ("timeseries", "1.12.7", "7.4", "7.4"),
        ("timeseries", "1.10.18", "7.1", "7.2"),
        ("timeseries", "1.8.18", "6.0", "6.2"),
    ];

    fn real() -> Snapshot {
        let documents = REAL.map(|(name, version, min, compatible)| {
            let numbers: Vec<u32> = version.split('.').map(|it| it.parse().unwrap()).collect();
            json!({
                "uid": format!("{name}:{version}"),
                "module_name": name,
                "semantic_version": version,
                "version": numbers[0] * 10_000 + numbers[1] * 100 + numbers[2],
                "min_redis_version": min,
                "compatible_redis_version": compatible,
            })
            .to_string()
        });
        Snapshot::from_documents(&documents, &Limits::default()).unwrap()
    }

    fn uids(modules: Result<Vec<Module>, Error>) -> Vec<String> {
        modules.unwrap().into_iter().map(|module| module.uid).collect()
    }

    fn find(catalog: &Snapshot, name: &str, version: Option<&str>) -> Vec<String> {
        uids(catalog.answer(find_modules(ROLES, name, version, &Limits::default())))
    }

    fn fitting(catalog: &Snapshot, redis_version: &str) -> Vec<Fitting> {
        catalog.answer(fitting_modules(ROLES, redis_version, &Limits::default())).unwrap()
    }

    #[test]
    fn modules_are_found_by_name_and_version() {
        let catalog = real();
        let all = ["search:7.99.91", "search:2.10.17", "search:2.8.26", "search:2.6.29"];
        assert_eq!(find(&catalog, "SEARCH", None), all);
        assert_eq!(find(&catalog, "search", Some("2.10")), ["search:2.10.17"]);
        assert_eq!(find(&catalog, "search", Some("2.10.17")), ["search:2.10.17"]);
        assert_eq!(find(&catalog, "search", Some("21017")), ["search:2.10.17"]);
        assert_eq!(find(&catalog, "search", Some("2")), all[1..]);
        for version in ["", "2.1", "2.10.1", "2.", "2101", "x"] {
            assert_eq!(find(&catalog, "search", Some(version)), [""; 0], "{version}");
        }
        assert_eq!(find(&catalog, "sear", None), [""; 0]);
    }

    #[test]
    fn the_latest_module_of_each_name_is_listed() {
        let latest = uids(real().answer(latest_modules(ROLES, &Limits::default())));
        assert_eq!(latest, ["bf:8.0.1", "search:7.99.91", "ReJSON:7.99.3", "timeseries:8.0.2"]);
    }

    #[test]
    fn fitting_modules_are_those_of_a_redis_version() {
        use FittingRule::{CompatibleRedisVersion, MinRedisVersion};

        let for_7_2 = ["2.6.18", "2.6.17", "2.8.26", "1.10.18"];
        for (redis_version, expected, rule_of_search) in [
            ("7.2", for_7_2, MinRedisVersion),
            ("7.2.4", for_7_2, MinRedisVersion),
            ("7.4", ["2.8.7", "2.8.10", "2.10.17", "1.12.7"], CompatibleRedisVersion),
            ("8.0", ["8.0.1", "7.99.3", "7.99.91", "8.0.2"], CompatibleRedisVersion),
            ("6.2", ["2.4.15", "2.4.13", "2.6.29", "1.8.18"], MinRedisVersion),
        ] {
            let fitting = fitting(&real(), redis_version);
            let chosen: Vec<_> = fitting.into_iter().map(|it| it.chosen.unwrap()).collect();
            let versions: Vec<_> =
                chosen.iter().map(|it| it.module.semantic_version.clone().unwrap()).collect();
            assert_eq!(versions, expected, "{redis_version}");
            let rules: Vec<_> = chosen.iter().map(|it| it.rule).collect();
            let compatible = CompatibleRedisVersion;
            assert_eq!(rules, [compatible, compatible, rule_of_search, compatible]);
        }
    }

    #[test]
    fn fitting_modules_have_their_rules_and_reasons() {
        let search = fitting(&real(), "7.2").swap_remove(2);
        assert_eq!(search.module_name, "search");
        let chosen = search.chosen.unwrap();
        assert_eq!(chosen.reason, "min_redis_version is 7.1, and no version is made for 7.2");
        let others: Vec<_> = search.others.iter().map(|it| (&*it.uid, &*it.reason)).collect();
        assert_eq!(
            others,
            [
                ("search:7.99.91", "compatible_redis_version is 8.0"),
                ("search:2.10.17", "compatible_redis_version is 7.4"),
                ("search:2.6.29", "min_redis_version is 6.0.7, another major version"),
            ]
        );
        let bf = fitting(&real(), "9.0").swap_remove(0);
        assert_eq!((bf.chosen, bf.others.len()), (None, 4));

        let catalog = |fields: &[&str]| {
            let documents = (0..).zip(fields).map(|(uid, fields)| {
                format!(r#"{{"module_name":"a","uid":"{uid}","version":{},{fields}}}"#, 9 - uid)
            });
            let documents: Vec<_> = documents.collect();
            Snapshot::from_documents(&documents, &Limits::default()).unwrap()
        };
        let reasons = |fields: &[&str]| {
            let fitting = fitting(&catalog(fields), "7.2").swap_remove(0);
            let chosen = fitting.chosen.map(|chosen| chosen.reason).into_iter();
            let others = fitting.others.into_iter().map(|other| other.reason);
            chosen.chain(others).collect::<Vec<_>>()
        };
        assert_eq!(
            reasons(&[
                r#""min_redis_version":"7.1""#,
                r#""compatible_redis_version":"7.2""#,
                r#""compatible_redis_version":"7.2.1""#,
                r#""author":"b""#,
                r#""min_redis_version":"7.4""#,
                r#""compatible_redis_version":"x","min_redis_version":"7.1""#,
                r#""min_redis_version":"x""#,
            ]),
            [
                "compatible_redis_version is 7.2",
                "min_redis_version is 7.1, but another version is made for 7.2",
                "a newer one fits",
                "neither compatible_redis_version nor min_redis_version",
                "min_redis_version is 7.4, above 7.2",
                "compatible_redis_version is x",
                "min_redis_version is x, not a version",
            ]
        );
    }

    #[test]
    fn differences_name_the_fields() {
        let limits = Limits::default();
        let catalog = |body: &str| Snapshot::parse(body.as_bytes(), &limits).unwrap();
        let older = catalog(r#"[{"uid":"a","size":1,"x":null},{"uid":"b"},{"uid":"c"}]"#);
        let newer = catalog(r#"[{"uid":"d"},{"uid":"c"},{"uid":"a","size":1.0,"y":{"z":[]}}]"#);
        let differences = older.differences(&newer).unwrap();
        assert_eq!(uids(Ok(differences.added)), ["d"]);
        assert_eq!(uids(Ok(differences.removed)), ["b"]);
        let [changed] = &differences.changed[..] else { panic!("{:?}", differences.changed) };
        assert_eq!(changed.module.uid, "a");
        let field = |name: &str, before: Option<&str>, after: Option<&str>| {
            let [before, after] = [before, after].map(|value| value.map(String::from));
            FieldDifference { name: name.into(), before, after }
        };
        assert_eq!(
            changed.fields,
            [
                field("size", Some("1"), Some("1.0")),
                field("x", Some("null"), None),
                field("y", None, Some(r#"{"z":[]}"#)),
            ]
        );
        assert!(older.differences(&older.clone()).unwrap().is_empty());
    }

    #[test]
    fn lookups_without_the_permission_are_forbidden() {
        let limits = Limits::default();
        let step = find_modules(&["none"], "search", None, &limits);
        assert!(matches!(step, Step::Done(Err(Error::Forbidden))));
        let step = fitting_modules(&["none"], "7.4", &limits);
        assert!(matches!(step, Step::Done(Err(Error::Forbidden))));
    }

    /// Documents with few names and versions, so that many are equal.
    fn documents() -> impl Strategy<Value = Vec<serde_json::Value>> {
        let name = prop::sample::select(vec!["a", "A", "b"]);
        let version = prop::sample::select(vec!["1.2.3", "1.10.0", "2.0.0-rc1", "2.0.0", "x"]);
        let redis = prop::sample::select(vec!["", "6.2", "7.0.3", "7.2", "7.4", "x"]);
        let module = (
            prop::option::of(name),
            prop::option::of(version),
            prop::option::of(0..30_000_u32),
            prop::option::of(redis.clone()),
            prop::option::of(redis),
        );
        prop::collection::vec(module, 0..9).prop_map(|modules| {
            let document = |(uid, (name, semantic, version, min, compatible)): (usize, _)| {
                json!({
                    "uid": uid.to_string(), "module_name": name, "semantic_version": semantic,
                    "version": version, "min_redis_version": min, "compatible_redis_version": compatible,
                })
            };
            modules.into_iter().enumerate().map(document).collect()
        })
    }

    /// The newest of these documents, as one reads them by eye: a release if there is one.
    fn newest<'a>(
        documents: impl Iterator<Item = &'a serde_json::Value>,
    ) -> Option<&'a serde_json::Value> {
        let version = |document: &serde_json::Value| {
            let semantic = document["semantic_version"].as_str().and_then(|it| it.parse().ok());
            let number = document["version"].as_u64();
            let of = |number| Version::new(number / 10_000, number / 100 % 100, number % 100);
            semantic.or(number.map(of))
        };
        let is_release =
            |version: &Option<Version>| version.as_ref().is_none_or(|it| it.pre.is_empty());
        // `max_by_key` takes the last of equal ones.
        let mut documents: Vec<_> = documents.collect();
        documents.reverse();
        documents.into_iter().max_by_key(|document| {
            let version = version(document);
            (is_release(&version), version)
        })
    }

    proptest! {
        #[test]
        fn lookups_agree_with_the_rules_read_one_by_one(documents in documents()) {
            let limits = Limits::default();
            let texts: Vec<_> = documents.iter().map(|it| it.to_string()).collect();
            let catalog = Snapshot::from_documents(&texts, &limits).unwrap();
            let name = |it: &serde_json::Value| it["module_name"].as_str().map(str::to_lowercase);
            let uid = |it: &serde_json::Value| it["uid"].as_str().unwrap().to_string();

            let mut latest = vec![];
            let mut fits = vec![];
            for wanted in ["a", "b"] {
                let named = || documents.iter().filter(|it| name(it).as_deref() == Some(wanted));
                latest.extend(newest(named()).map(uid));
                let compatible = |it: &&serde_json::Value| it["compatible_redis_version"] == "7.2";
                let minimum = |it: &&serde_json::Value| {
                    let unstated = matches!(it["compatible_redis_version"].as_str(), None | Some(""));
                    unstated && (it["min_redis_version"] == "7.0.3" || it["min_redis_version"] == "7.2")
                };
                fits.extend(
                    newest(named().filter(compatible)).or(newest(named().filter(minimum))).map(uid),
                );
            }
            let sorted = |mut uids: Vec<String>| { uids.sort(); uids };
            let found = uids(catalog.answer(latest_modules(ROLES, &limits)));
            prop_assert!(found.is_sorted());
            prop_assert_eq!(found, sorted(latest));
            let chosen = fitting(&catalog, "7.2").into_iter().filter_map(|it| it.chosen);
            prop_assert_eq!(sorted(chosen.map(|it| it.module.uid).collect()), sorted(fits));

            // Over a store the answers are the same.
            let Step::Ask(Ask::Documents(ask)) = latest_modules(ROLES, &limits) else { panic!() };
            prop_assert_eq!(ask.answer(Ok(texts)), catalog.answer(latest_modules(ROLES, &limits)));
        }
    }
}
