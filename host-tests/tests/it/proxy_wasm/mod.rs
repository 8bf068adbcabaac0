//! The Proxy-Wasm filter, in a small host: its behaviour when the proxy, the upstream or the
//! configuration is faulty.

pub mod host;

mod callers;
mod configuration;
mod mirrored;
mod upstream;
