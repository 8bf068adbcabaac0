//! The store in a Redis hash: field uid, value document. Each call opens a connection, sends one
//! command and ends by a deadline.
//!
//! `bridge` and `connection` need WASI. The other modules do not, and are tested natively.

#![cfg(any(test, target_family = "wasm"))]
#![no_std]

extern crate alloc;

#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod bridge;
#[cfg(target_family = "wasm")]
#[path = "../../guest/src/ccs_error.rs"]
mod ccs_error;
mod config;
#[cfg(target_family = "wasm")]
mod connection;
#[cfg(target_family = "wasm")]
#[path = "../../guest/src/deadline.rs"]
mod deadline;
mod failure;
mod race;
mod reader;
