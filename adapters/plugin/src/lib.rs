//! World `plugin`: the whole API over a store that the host provides. A call blocks while the store is asked.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

#[path = "../../guest/src/records.rs"]
mod records;

use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::Limits;
use ccs_modules_guest::resolve;

use crate::bindings::exports::ccs::modules::types::{Error, Fitting, Module, Request, Response};
use crate::bindings::exports::ccs::modules::{catalog, lookup, rest};
use crate::records::{handle, records};

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
    fn list_modules(roles: Vec<String>) -> Result<Vec<Module>, Error> {
        Ok(records(resolve(ccs_modules::list_modules(&roles, &Limits::default()))?))
    }

    fn get_module(roles: Vec<String>, uid: String) -> Result<Module, Error> {
        Ok(resolve(ccs_modules::get_module(&roles, &uid, &Limits::default()))?.into())
    }
}

impl lookup::Guest for Plugin {
    fn find_modules(
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<Module>, Error> {
        let (version, limits) = (version.as_deref(), Limits::default());
        let step = ccs_modules::lookup::find_modules(&roles, &name, version, &limits);
        Ok(records(resolve(step)?))
    }

    fn latest_modules(roles: Vec<String>) -> Result<Vec<Module>, Error> {
        let step = ccs_modules::lookup::latest_modules(&roles, &Limits::default());
        Ok(records(resolve(step)?))
    }

    fn fitting_modules(roles: Vec<String>, redis_version: String) -> Result<Vec<Fitting>, Error> {
        let limits = Limits::default();
        let step = ccs_modules::lookup::fitting_modules(&roles, &redis_version, &limits);
        Ok(records(resolve(step)?))
    }
}

impl rest::Guest for Plugin {
    fn handle(request: Request) -> Response {
        handle(request, |request| {
            resolve(ccs_modules::rest::handle(request, &Limits::default())).into()
        })
    }
}
