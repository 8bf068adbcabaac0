//! The library of the adapters: an allocator and a panic handler, a call that is resolved over the import
//! `ccs`, the HTTP service without bindings to WASI, and the configuration of a store that is a cluster.
//!
//! The configuration needs no host, and is tested natively. The files `records.rs` and `method.rs` are
//! modules of the adapters that have bindings to what they convert.

#![no_std]

extern crate alloc;

pub mod cluster;
#[cfg(target_family = "wasm")]
mod heap;
#[cfg(target_family = "wasm")]
pub mod http;
#[cfg(all(target_family = "wasm", feature = "baked"))]
mod image;
#[cfg(target_family = "wasm")]
mod program;
#[cfg(target_family = "wasm")]
mod resolve;

#[cfg(target_family = "wasm")]
pub use crate::resolve::{ccs, resolve};
