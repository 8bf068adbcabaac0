//! The server's limits, proved from outside: whatever stores and clients do, its memory stays bounded and
//! others are served. For each there is a process of its own, whose peak of memory the system knows. And
//! the memory that catalogs take which are long and sound.
//!
//! `cargo test` leaves this out; `cargo test -p ccs-modules-host --test hostile` runs it. Needs Linux.

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
mod stores;
