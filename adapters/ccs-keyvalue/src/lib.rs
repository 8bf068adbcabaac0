//! The store in a value of `wasi:keyvalue`: of 0.2.0-draft, which wasmtime and wasmCloud have, or,
//! with the feature `draft2`, of 0.2.0-draft2, which Spin has. Both drafts spell alike what the bridge
//! uses, but a component that imports one of them does not run where a host has the other.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod bridge;

use ccs_modules_guest as _;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::bridge::Bridge;

    #[cfg(not(feature = "draft2"))]
    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft", "wit/draft"],
        world: "ccs:keyvalue/bridge",
        generate_all,
    });
    #[cfg(feature = "draft2")]
    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft2", "wit/draft2"],
        world: "ccs:keyvalue/bridge",
        generate_all,
    });
    export!(Bridge with_types_in self);
}
