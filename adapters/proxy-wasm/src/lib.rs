//! A Proxy-Wasm filter: the API in a proxy's request path. The CCS is an HTTP upstream, asked in a
//! call of the proxy's own, or a list of documents in the filter's configuration.
//!
//! Whatever the core says is sent as it is; what is not the API's goes on to the next filter. The
//! proxy gives a filter neither fuel nor a deadline, and one that traps takes all requests of its
//! thread with it. So what comes from outside is bounded here, and nothing of it reaches a panic.

mod config;
mod filter;
mod upstream;

#[allow(missing_docs, unsafe_code)]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(crate::filter::Root::default()));
    }}
}
