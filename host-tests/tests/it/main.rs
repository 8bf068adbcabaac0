//! Every test that needs an artifact. They are one program: each further one would link wasmtime
//! once more.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod artifacts;
mod bake;
mod cases;
mod cluster;
mod command;
mod compose;
mod contract;
mod last_good;
mod lookup;
mod openapi;
mod packages;
mod plugin;
mod proxy_wasm;
mod readme;
mod redis;
mod runners;
mod same_everywhere;
mod serve;
mod server;
mod standalone;
mod stores;
mod support;
