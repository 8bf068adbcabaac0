//! The HTTP service on WASI 0.3. Its store is whatever is composed in front of the import `ccs`.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::string::String;

use wit_bindgen::spawn_local;

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use crate::bindings::{wit_future, wit_stream};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.3", "wit"],
        world: "ccs:wasi-http-p3/service",
        with: { "ccs:modules/ccs@0.1.0": ccs_modules_guest::ccs },
        generate_all,
    });
    export!(Service with_types_in self);
}

struct Service;

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let response = ccs_modules_guest::http::answer(
            &name(request.get_method()),
            &request.get_path_with_query().unwrap_or_default(),
            &request.get_headers().copy_all(),
            &get_environment(),
        );
        let headers = Fields::new();
        for (name, value) in &response.headers {
            // A host that refuses a field, such as content-length, sets it itself.
            let _ = headers.append(name, value.as_bytes());
        }
        // A body that is given must be as long as content-length says, and that of HEAD is not.
        let contents = (!response.body.is_empty()).then(|| {
            let (mut writer, reader) = wit_stream::new();
            spawn_local(async move {
                // What is left over is what a client that has gone did not read.
                writer.write_all(response.body).await;
            });
            reader
        });
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (outgoing, _sent) = Response::new(headers, contents, trailers);
        let _ = outgoing.set_status_code(response.status);
        Ok(outgoing)
    }
}

fn name(method: Method) -> String {
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
