//! The server's limits, measured from outside: its memory stays bounded under any store and any
//! clients, and other clients are served. Each test has its own server process, whose peak of
//! memory the system reports. The memory of long valid catalogs is measured too.
//!
//! `cargo test` leaves this out; `cargo test -p ccs-modules-host --test hostile` runs it. Needs
//! Linux.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod catalogs;
mod clients;
#[allow(dead_code, reason = "some of it is for the soak")]
mod process;
mod redis;
mod siege;
mod stores;
