//! The shells: every way in which the core is run. Each has a runner that takes a case through it.

pub mod native;
pub mod plugin;
pub mod proxy_wasm;
pub mod server;
pub mod snapshot;
pub mod standalone;
