//! Conversions between the core's types and those of the interface `types`.
//!
//! Each world has its own Rust types for this interface, so this file is a module of each adapter that
//! exports it: `#[path = "../../guest/src/records.rs"] mod records;`.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::access::Caller;
use ccs_modules::lookup::{
    ChangedModule, ChosenModule, Differences, FieldDifference, Fitting, FittingRule, OtherModule,
};
use ccs_modules::{Error, Module, StoreError, rest};

use crate::bindings::exports::ccs::modules::types;

/// Converts a list.
pub fn records<T, R: From<T>>(list: Vec<T>) -> Vec<R> {
    list.into_iter().map(Into::into).collect()
}

/// Answers a request by a function that has the catalog.
pub fn handle<'a>(
    request: types::Request,
    answer: impl FnOnce(&rest::Request<'_>) -> rest::Response<Cow<'a, [u8]>>,
) -> types::Response {
    let types::Request { method, target, headers, caller } = request;
    let headers = rest::header_fields(&headers);
    let request = rest::Request {
        method: &method,
        target: &target,
        headers: &headers,
        caller: &caller.into(),
    };
    let rest::Response { status, headers, body, cause } = answer(&request).into_owned();
    types::Response { status, headers, body: text(body), cause }
}

/// Returns a body as text. Every body is JSON.
pub fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_default()
}

impl From<types::Caller> for Caller {
    fn from(caller: types::Caller) -> Self {
        match caller {
            types::Caller::Anonymous(roles) => Self::Anonymous(roles),
            types::Caller::Authenticated(roles) => Self::Authenticated(roles),
            types::Caller::Unauthenticated(challenge) => Self::Unauthenticated(challenge),
        }
    }
}

impl From<Caller> for types::Caller {
    fn from(caller: Caller) -> Self {
        match caller {
            Caller::Anonymous(roles) => Self::Anonymous(roles),
            Caller::Authenticated(roles) => Self::Authenticated(roles),
            Caller::Unauthenticated(challenge) => Self::Unauthenticated(challenge),
        }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Forbidden => Self::Forbidden,
            Error::Malformed(_) => Self::Malformed(text),
            Error::NotFound => Self::NotFound,
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                Self::Unavailable(text)
            }
            _ => Self::Other(text),
        }
    }
}

impl From<Module> for types::Module {
    fn from(module: Module) -> Self {
        Self {
            document: module.document().into(),
            uid: module.uid,
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

impl From<Fitting> for types::Fitting {
    fn from(fitting: Fitting) -> Self {
        Self {
            module_name: fitting.module_name,
            chosen: fitting.chosen.map(Into::into),
            others: records(fitting.others),
        }
    }
}

impl From<ChosenModule> for types::ChosenModule {
    fn from(chosen: ChosenModule) -> Self {
        let rule = match chosen.rule {
            FittingRule::CompatibleRedisVersion => types::FittingRule::CompatibleRedisVersion,
            FittingRule::MinRedisVersion => types::FittingRule::MinRedisVersion,
        };
        Self { module: chosen.module.into(), rule, reason: chosen.reason }
    }
}

impl From<OtherModule> for types::OtherModule {
    fn from(other: OtherModule) -> Self {
        let OtherModule { uid, semantic_version, reason, .. } = other;
        Self { uid, semantic_version, reason }
    }
}

impl From<Differences> for types::Differences {
    fn from(differences: Differences) -> Self {
        Self {
            added: records(differences.added),
            removed: records(differences.removed),
            changed: records(differences.changed),
        }
    }
}

impl From<ChangedModule> for types::ChangedModule {
    fn from(changed: ChangedModule) -> Self {
        Self { module: changed.module.into(), fields: records(changed.fields) }
    }
}

impl From<FieldDifference> for types::FieldDifference {
    fn from(difference: FieldDifference) -> Self {
        let FieldDifference { name, before, after, .. } = difference;
        Self { name, before, after }
    }
}
