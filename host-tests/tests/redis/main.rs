//! Tests that need a real Redis: `redis-server` must be installed.
//!
//! `cargo test` leaves this out; `cargo test -p ccs-modules-host --test redis` runs it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod body;
mod command;
mod faults;
mod http;
mod load;
mod long;
mod order;
#[path = "../port.rs"]
mod port;
#[allow(dead_code, reason = "some of it is for the hostile tests")]
#[path = "../hostile/process.rs"]
mod process;
mod server;
mod service;
mod store;
mod tls;
