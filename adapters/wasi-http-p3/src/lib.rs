//! The HTTP service on WASI 0.3. Its store is a component that is composed in front of the import `ccs`;
//! with the feature `baked`, a catalog in its own memory.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::borrow::Cow;
use alloc::string::String;

use wit_bindgen::{StreamWriter, spawn_local};

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::cli::stderr::write_via_stream;
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
        let environment = get_environment();
        let response = ccs_modules_guest::http::answer(
            &name(request.get_method()),
            &request.get_path_with_query().unwrap_or_default(),
            &request.get_headers().copy_all(),
            &environment,
        );
        if let Some(line) = ccs_modules_guest::http::log_line(&response, &environment) {
            log(line).await;
        }
        let headers = Fields::new();
        for (name, value) in &response.headers {
            // A host that refuses a field, such as content-length, sets it itself.
            let _ = headers.append(name, value.as_bytes());
        }
        // A body that is given must be as long as content-length says, and that of HEAD is not.
        let contents = (!response.body.is_empty()).then(|| {
            let (writer, reader) = wit_stream::new();
            spawn_local(send(writer, response.body));
            reader
        });
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (outgoing, _sent) = Response::new(headers, contents, trailers);
        let _ = outgoing.set_status_code(response.status);
        Ok(outgoing)
    }
}

/// Writes a line to standard error. If that is closed, there is nowhere to report it.
async fn log(line: String) {
    let (mut writer, reader) = wit_stream::new();
    let written = write_via_stream(reader);
    writer.write_all(line.into_bytes()).await;
    drop(writer);
    let _ = written.await;
}

/// Sends a body, until the client has disconnected.
async fn send(mut writer: StreamWriter<u8>, body: Cow<'static, [u8]>) {
    /// The stream takes buffers that it owns: a body that lies elsewhere is copied by parts.
    const PART: usize = 64 << 10;
    match body {
        Cow::Owned(body) => {
            writer.write_all(body).await;
        }
        Cow::Borrowed(body) => {
            for part in body.chunks(PART) {
                let unsent = writer.write_all(part.to_vec()).await;
                if !unsent.is_empty() {
                    break;
                }
            }
        }
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
