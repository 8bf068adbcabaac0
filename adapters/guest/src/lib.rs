//! The library of the adapters: a call that is resolved over the import `ccs`, the HTTP service without
//! bindings to WASI, and the configuration of a store that is a cluster.
//!
//! Environments and the configuration need no host, and are tested natively. The files `ccs_error.rs`,
//! `deadline.rs`, `method.rs` and `records.rs` are modules of the adapters that have bindings to what they
//! convert.

#![no_std]

extern crate alloc;

pub mod cluster;
mod environment;
#[cfg(target_family = "wasm")]
pub mod http;
#[cfg(all(target_family = "wasm", feature = "baked"))]
mod image;
#[cfg(target_family = "wasm")]
mod resolve;

#[cfg(target_family = "wasm")]
use ccs_modules_base as _;

pub use crate::environment::Environment;
#[cfg(target_family = "wasm")]
pub use crate::resolve::{ccs, resolve};
