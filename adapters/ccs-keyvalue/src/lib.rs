//! The store in a value of `wasi:keyvalue` 0.2.0-draft, as wasmtime and wasmCloud have it.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod bridge;

use ccs_modules_guest as _;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::bridge::Bridge;

    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft", "wit"],
        world: "ccs:keyvalue/bridge",
        generate_all,
    });
    export!(Bridge with_types_in self);
}
