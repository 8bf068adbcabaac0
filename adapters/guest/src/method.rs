//! The name of a variant `method` of WASI.
//!
//! Each version of WASI has its own Rust type for it, so this file is a module of each adapter that serves
//! HTTP: `#[path = "../../guest/src/method.rs"] mod method;`.

use alloc::string::String;

use crate::bindings::wasi::http::types::Method;

/// Returns the method as a request has it.
pub fn name(method: Method) -> String {
    match method {
        Method::Connect => "CONNECT",
        Method::Delete => "DELETE",
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Options => "OPTIONS",
        Method::Patch => "PATCH",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Trace => "TRACE",
        Method::Other(name) => return name,
    }
    .into()
}
