//! The HTTP service on WASI 0.3. Its store is a component that is composed in front of the import `ccs`;
//! with the feature `baked`, a catalog in its own memory. With the feature `middleware` it hands the
//! requests that are not the API's on to another service.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

#[path = "../../guest/src/method.rs"]
mod method;

use alloc::borrow::Cow;
use alloc::string::String;

use ccs_modules::rest;
use ccs_modules_guest::http::{self, Output};
use wit_bindgen::{StreamWriter, spawn_local};

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::cli::stderr::write_via_stream;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use crate::bindings::{wit_future, wit_stream};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    #[cfg(not(feature = "middleware"))]
    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.3", "wit"],
        world: "ccs:wasi-http-p3/service",
        with: { "ccs:modules/ccs@0.1.0": ccs_modules_guest::ccs },
        generate_all,
    });
    #[cfg(feature = "middleware")]
    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.3", "wit"],
        world: "ccs:wasi-http-p3/middleware",
        with: { "ccs:modules/ccs@0.1.0": ccs_modules_guest::ccs },
        generate_all,
    });
    export!(Service with_types_in self);
}

struct Service;

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let method = method::name(request.get_method());
        let target = request.get_path_with_query().unwrap_or_default();
        let service = http::Service::of_instance(get_environment);
        #[cfg(feature = "middleware")]
        let error = match service.is_answered(&method, &target) {
            Ok(true) => None,
            Ok(false) => return bindings::wasi::http::handler::handle(request).await,
            Err(error) => Some(error),
        };
        #[cfg(not(feature = "middleware"))]
        let error: Option<rest::ErrorResponse> = None;

        let Output { response, log } = match error {
            Some(error) => service.fail(error, &method),
            None => {
                let headers = request.get_headers().copy_all();
                service.answer(&method, &target, &headers)
            }
        };
        if let Some(line) = log {
            write_log(line).await;
        }
        Ok(outgoing(response))
    }
}

/// Writes a line to standard error. If that is closed, there is nowhere to report it.
async fn write_log(line: String) {
    let (mut writer, reader) = wit_stream::new();
    let written = write_via_stream(reader);
    writer.write_all(line.into_bytes()).await;
    drop(writer);
    let _ = written.await;
}

/// Makes a response of the host, whose body is sent while the host takes it.
fn outgoing(response: rest::Response<Cow<'static, [u8]>>) -> Response {
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
    outgoing
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
