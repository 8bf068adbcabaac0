//! The store in a cluster's REST API, over outgoing `wasi:http`. Each call asks the cluster, or is
//! answered from a mirror that a reused instance keeps, if the environment asks for one.
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
#[path = "../../guest/src/ccs_error.rs"]
mod ccs_error;
#[cfg(target_family = "wasm")]
#[path = "../../guest/src/deadline.rs"]
mod deadline;
#[cfg(target_family = "wasm")]
mod exchange;
mod mirrored;
#[cfg(test)]
mod scripted;

use alloc::string::String;
use core::time::Duration;

use ccs_modules::upstream::{Request, Response};

/// The sending of requests, and the time. The errors are the reasons for a missing response, without credentials.
trait Network {
    /// A request that has been sent.
    type Exchange;

    /// Returns the time since some moment, which does not go back.
    fn now(&self) -> Duration;

    /// Sends a request. Its response has to be there, whole, within the timeout.
    fn start(&self, request: &Request, timeout: Duration) -> Result<Self::Exchange, String>;

    /// Receives what has come of the response, and returns it once it is whole.
    fn receive(&self, exchange: &mut Self::Exchange) -> Option<Result<Response, String>>;

    /// Waits until there is more to receive, and no longer than this. Returns whether there is more.
    fn wait(&self, exchange: &Self::Exchange, longest: Duration) -> bool;

    /// Waits.
    fn sleep(&self, time: Duration);
}
