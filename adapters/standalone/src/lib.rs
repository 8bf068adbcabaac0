//! World `standalone`: the whole API over catalogs that the host gives, as snapshots and as mirrors.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod access;
mod mirror;
#[path = "../../guest/src/records.rs"]
mod records;
mod snapshot;

use ccs_modules_base as _;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Standalone;

    wit_bindgen::generate!({ path: "../../wit", world: "standalone" });
    export!(Standalone with_types_in self);
}

struct Standalone;
