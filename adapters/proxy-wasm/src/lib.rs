//! A Proxy-Wasm filter: the API in a proxy's request path. The store is an HTTP upstream, which the
//! proxy asks for the filter each time or mirrors, or a list of documents in the filter's
//! configuration.
//!
//! The filter sends the core's responses unchanged. Other requests go on to the next filter. The proxy
//! gives a filter neither fuel nor a deadline, and a filter that traps ends all requests of its thread.
//! So the filter limits everything that comes from outside, and no input can reach a panic.

mod config;
mod counters;
mod mirrored;
mod request;
mod root;
mod shared;
mod upstream;

use proxy_wasm::hostcalls;
use proxy_wasm::types::LogLevel;

/// Writes a line to the proxy's log.
fn log(level: LogLevel, text: &str) {
    let _ = hostcalls::log(level, &format!("ccs-modules: {text}"));
}

#[allow(missing_docs, unsafe_code)]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|id| Box::new(crate::root::Root::new(id)));
    }}
}
