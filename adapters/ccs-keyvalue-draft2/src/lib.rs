//! The store in a value of `wasi:keyvalue` 0.2.0-draft2, as Spin has it. What the bridge uses is
//! spelt the same in both drafts, but no component can import the one where a host has the other.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

#[path = "../../ccs-keyvalue/src/bridge.rs"]
mod bridge;

use ccs_modules_guest as _;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::bridge::Bridge;

    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft2", "wit"],
        world: "ccs:keyvalue-draft2/bridge",
        generate_all,
    });
    export!(Bridge with_types_in self);
}
