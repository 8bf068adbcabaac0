//! The outcome of a call, in the form of the case files. Every shell's answer is brought into this
//! form.

use ccs_modules_host as host;
use serde::{Deserialize, Serialize};

use crate::standalone::bindings::exports::ccs::modules::types;
use crate::support::text::Text;

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Outcome {
    Ok { ok: Answer },
    Error { error: Error },
    Response { status: u16, headers: Vec<(String, Text)>, body: Text },
}

/// The answer of a typed call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Modules(Vec<Module>),
    Module(Box<Module>),
    Fitting(Vec<Fitting>),
    Differences(Differences),
}

/// A module: each field that it has.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    uid: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    capabilities: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_line_args: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatible_redis_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_redis_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_bundled: Option<bool>,
    document: Text,
}

/// The module that a database gets, of the modules of one name.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fitting {
    module_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<ChosenModule>,
    others: Vec<OtherModule>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ChosenModule {
    module: Module,
    rule: FittingRule,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum FittingRule {
    CompatibleRedisVersion,
    MinRedisVersion,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OtherModule {
    uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_version: Option<String>,
    reason: String,
}

/// The differences between two catalogs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    added: Vec<Module>,
    removed: Vec<Module>,
    changed: Vec<ChangedModule>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ChangedModule {
    module: Module,
    fields: Vec<FieldDifference>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FieldDifference {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// The catalog's errors, as in the contract.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    Forbidden(()),
    NotFound(()),
    Unavailable(Text),
    Malformed(Text),
    Other(Text),
}

impl Outcome {
    pub fn of_list<M: Into<Module>, E: Into<Error>>(outcome: Result<Vec<M>, E>) -> Self {
        Self::of(outcome.map(|modules| Answer::Modules(all(modules))))
    }

    pub fn of_module<M: Into<Module>, E: Into<Error>>(outcome: Result<M, E>) -> Self {
        Self::of(outcome.map(|module| Answer::Module(Box::new(module.into()))))
    }

    pub fn of_fitting<F: Into<Fitting>, E: Into<Error>>(outcome: Result<Vec<F>, E>) -> Self {
        Self::of(outcome.map(|fitting| Answer::Fitting(all(fitting))))
    }

    pub fn of_differences<D: Into<Differences>, E: Into<Error>>(outcome: Result<D, E>) -> Self {
        Self::of(outcome.map(|differences| Answer::Differences(differences.into())))
    }

    pub fn of_error(error: impl Into<Error>) -> Self {
        Self::Error { error: error.into() }
    }

    fn of<E: Into<Error>>(outcome: Result<Answer, E>) -> Self {
        outcome.map_or_else(Self::of_error, |ok| Self::Ok { ok })
    }

    /// Whether a document is malformed.
    pub fn is_malformed(&self) -> bool {
        matches!(
            self,
            Self::Error { error: Error::Malformed(_) } | Self::Response { status: 500, .. }
        )
    }

    pub fn of_response(status: u16, headers: Vec<(String, String)>, body: impl Into<Text>) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self::Response { status, headers, body: body.into() }
    }
}

impl From<ccs_modules::Error> for Error {
    fn from(error: ccs_modules::Error) -> Self {
        use ccs_modules::{Error, StoreError};

        let text = error.to_string().into();
        match error {
            Error::Forbidden => Self::Forbidden(()),
            Error::NotFound => Self::NotFound(()),
            Error::Malformed(_) => Self::Malformed(text),
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                Self::Unavailable(text)
            }
            _ => Self::Other(text),
        }
    }
}

impl From<host::CatalogError> for Error {
    fn from(error: host::CatalogError) -> Self {
        match error {
            host::CatalogError::Forbidden => Self::Forbidden(()),
            host::CatalogError::NotFound => Self::NotFound(()),
            host::CatalogError::Unavailable(text) => Self::Unavailable(text.into()),
            host::CatalogError::Malformed(text) => Self::Malformed(text.into()),
            host::CatalogError::Other(text) => Self::Other(text.into()),
        }
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::Forbidden => Self::Forbidden(()),
            types::Error::NotFound => Self::NotFound(()),
            types::Error::Unavailable(text) => Self::Unavailable(text.into()),
            types::Error::Malformed(text) => Self::Malformed(text.into()),
            types::Error::Other(text) => Self::Other(text.into()),
        }
    }
}

/// Makes a module of each type that the core and the contract have for it.
macro_rules! from_module {
    ($($path:path, |$module:ident| $document:expr;)*) => {$(
        impl From<$path> for Module {
            fn from($module: $path) -> Self {
                let document: &str = $document;
                let document = document.to_owned().into();
                let module = $module;
                Self {
                    document,
                    uid: module.uid.into(),
                    module_name: module.module_name,
                    display_name: module.display_name,
                    semantic_version: module.semantic_version,
                    version: module.version,
                    author: module.author,
                    email: module.email,
                    homepage: module.homepage,
                    description: module.description,
                    license: module.license,
                    capabilities: module.capabilities,
                    command_line_args: module.command_line_args,
                    config_command: module.config_command,
                    compatible_redis_version: module.compatible_redis_version,
                    min_redis_version: module.min_redis_version,
                    is_bundled: module.is_bundled,
                }
            }
        }
    )*};
}

from_module! {
    ccs_modules::Module, |module| module.document();
    host::Module, |module| &module.document;
    types::Module, |module| &module.document;
}

/// Makes the records of lookups of those that the core and the contract have for them.
macro_rules! from_fitting {
    ($($($records:ident)::+),*) => {$(
        impl From<$($records)::+::Fitting> for Fitting {
            fn from(fitting: $($records)::+::Fitting) -> Self {
                Self {
                    module_name: fitting.module_name,
                    chosen: fitting.chosen.map(|chosen| ChosenModule {
                        module: chosen.module.into(),
                        rule: match chosen.rule {
                            $($records)::+::FittingRule::CompatibleRedisVersion => {
                                FittingRule::CompatibleRedisVersion
                            }
                            $($records)::+::FittingRule::MinRedisVersion => {
                                FittingRule::MinRedisVersion
                            }
                        },
                        reason: chosen.reason,
                    }),
                    others: fitting.others.into_iter().map(|other| OtherModule {
                        uid: other.uid,
                        semantic_version: other.semantic_version,
                        reason: other.reason,
                    }).collect(),
                }
            }
        }
    )*};
}

from_fitting!(ccs_modules::lookup, host, types);

macro_rules! from_differences {
    ($($($records:ident)::+),*) => {$(
        impl From<$($records)::+::Differences> for Differences {
            fn from(differences: $($records)::+::Differences) -> Self {
                let changed = |changed: $($records)::+::ChangedModule| ChangedModule {
                    module: changed.module.into(),
                    fields: changed.fields.into_iter().map(|field| FieldDifference {
                        name: field.name,
                        before: field.before,
                        after: field.after,
                    }).collect(),
                };
                Self {
                    added: all(differences.added),
                    removed: all(differences.removed),
                    changed: differences.changed.into_iter().map(changed).collect(),
                }
            }
        }
    )*};
}

from_differences!(ccs_modules::lookup, types);

fn all<T: Into<U>, U>(values: Vec<T>) -> Vec<U> {
    values.into_iter().map(Into::into).collect()
}
