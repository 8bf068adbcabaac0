//! The Proxy-Wasm filter, in a small host of its own: what the filter does where the proxy, the
//! upstream or the configuration is not as it should be.

pub mod host;

mod configuration;
mod mirrored;
mod upstream;
