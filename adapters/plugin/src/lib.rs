//! World `plugin`: the whole API over a store that the host provides. Blocks where the core asks.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::access::Caller;
use ccs_modules::{Error, Limits, Module, StoreError};
use ccs_modules_guest::resolve;

use crate::bindings::exports::ccs::modules::{catalog, rest};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Plugin;

    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        with: { "ccs:modules/ccs@0.1.0": ccs_modules_guest::ccs },
    });
    export!(Plugin with_types_in self);
}

struct Plugin;

impl catalog::Guest for Plugin {
    fn list_modules(roles: Vec<String>) -> Result<Vec<catalog::Module>, catalog::Error> {
        resolve(ccs_modules::list_modules(&roles, &Limits::default()))
            .map(|modules| modules.into_iter().map(Into::into).collect())
            .map_err(Into::into)
    }

    fn get_module(roles: Vec<String>, uid: String) -> Result<catalog::Module, catalog::Error> {
        resolve(ccs_modules::get_module(&roles, &uid, &Limits::default()))
            .map(Into::into)
            .map_err(Into::into)
    }
}

impl rest::Guest for Plugin {
    fn handle(request: rest::Request) -> rest::Response {
        let request = ccs_modules::rest::Request {
            method: &request.method,
            target: &request.target,
            headers: &request.headers,
            caller: &request.caller.into(),
        };
        let response = resolve(ccs_modules::rest::handle(&request, &Limits::default()));
        rest::Response { status: response.status, headers: response.headers, body: response.body }
    }
}

impl From<rest::Caller> for Caller {
    fn from(caller: rest::Caller) -> Self {
        match caller {
            rest::Caller::Anonymous(roles) => Self::Anonymous(roles),
            rest::Caller::Authenticated(roles) => Self::Authenticated(roles),
            rest::Caller::Unauthenticated => Self::Unauthenticated,
        }
    }
}

impl From<Error> for catalog::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Forbidden => Self::Forbidden,
            Error::Malformed(_) => Self::Malformed(error.to_string()),
            Error::NotFound => Self::NotFound,
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<Module> for catalog::Module {
    fn from(module: Module) -> Self {
        Self {
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
            min_redis_version: module.min_redis_version,
            is_bundled: module.is_bundled,
            document: module.document,
        }
    }
}
