//! The store in a cluster's REST API, over outgoing `wasi:http`. Each call asks the cluster, or is
//! answered from a mirror that a reused instance keeps, as the environment says.
//!
//! `bridge` and `exchange` need WASI. The other modules do not, and are tested natively.

#![cfg(any(test, target_family = "wasm"))]
#![no_std]

extern crate alloc;

#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod bridge;
#[cfg(target_family = "wasm")]
mod exchange;
mod mirrored;
#[cfg(test)]
mod scripted;

use alloc::string::String;
use core::time::Duration;

use ccs_modules::upstream::{Request, Response};

/// The sending of requests, and the time.
trait Network {
    /// Returns the time since some moment, which does not go back.
    fn now(&self) -> Duration;

    /// Sends a request and receives the response, whole. The error says why there is no response, without
    /// credentials.
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, String>;

    /// Waits.
    fn sleep(&self, time: Duration);
}
