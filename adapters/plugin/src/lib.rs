//! World `plugin`: the whole API over a store that the host provides. Blocks where the core asks.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::lookup::InvalidRedisVersion;
use ccs_modules::{Error, Limits, Module, Step, StoreError};
use ccs_modules_guest::http::lent;
use ccs_modules_guest::resolve;

use crate::bindings::exports::ccs::modules::{catalog, lookup, rest};

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
        modules(ccs_modules::list_modules(&roles, &Limits::default()))
    }

    fn get_module(roles: Vec<String>, uid: String) -> Result<catalog::Module, catalog::Error> {
        resolve(ccs_modules::get_module(&roles, &uid, &Limits::default()))
            .map(Into::into)
            .map_err(Into::into)
    }
}

impl lookup::Guest for Plugin {
    fn find_modules(
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<catalog::Module>, catalog::Error> {
        let (version, limits) = (version.as_deref(), Limits::default());
        modules(ccs_modules::lookup::find_modules(&roles, &name, version, &limits))
    }

    fn latest_modules(roles: Vec<String>) -> Result<Vec<catalog::Module>, catalog::Error> {
        modules(ccs_modules::lookup::latest_modules(&roles, &Limits::default()))
    }

    fn fitting_modules(
        roles: Vec<String>,
        redis_version: String,
    ) -> Result<Vec<lookup::Fitting>, catalog::Error> {
        let redis_version = redis_version
            .parse()
            .map_err(|error: InvalidRedisVersion| catalog::Error::Other(error.to_string()))?;
        let step = ccs_modules::lookup::fitting_modules(&roles, redis_version, &Limits::default());
        Ok(resolve(step)?.into_iter().map(Into::into).collect())
    }
}

/// Resolves a call whose outcome is a list of modules.
fn modules(step: Step<Result<Vec<Module>, Error>>) -> Result<Vec<catalog::Module>, catalog::Error> {
    Ok(resolve(step)?.into_iter().map(Into::into).collect())
}

impl rest::Guest for Plugin {
    fn handle(request: rest::Request) -> rest::Response {
        let request = ccs_modules::rest::Request {
            method: &request.method,
            target: &request.target,
            headers: &lent(&request.headers),
            caller: &request.caller.into(),
        };
        let response = resolve(ccs_modules::rest::handle(&request, &Limits::default()));
        rest::Response { status: response.status, headers: response.headers, body: response.body }
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

ccs_modules_guest::into_caller!(crate::bindings::exports::ccs::modules::rest::Caller);
ccs_modules_guest::from_module!(catalog::Module);
ccs_modules_guest::from_fitting!(lookup);
