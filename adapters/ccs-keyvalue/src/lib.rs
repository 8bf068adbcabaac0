//! The store in a value of `wasi:keyvalue`: of 0.2.0-draft, which wasmtime and wasmCloud have, or,
//! with the feature `draft2`, of 0.2.0-draft2, which Spin has. Both drafts spell alike what the bridge
//! uses, but a component that imports one of them does not run on a host with the other.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod bindings;
mod bridge;
#[path = "../../guest/src/ccs_error.rs"]
mod ccs_error;
