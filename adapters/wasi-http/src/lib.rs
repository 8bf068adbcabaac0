//! The HTTP service on WASI 0.2. Its store is a component that is composed in front of the import `ccs`;
//! with the feature `baked`, a catalog in its own memory.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

#[path = "../../guest/src/method.rs"]
mod method;

use ccs_modules_guest::http::{self, Output};

use crate::bindings::exports::wasi::http::incoming_handler::Guest;
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::cli::stderr::get_stderr;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "wit"],
        world: "ccs:wasi-http/service",
        with: { "ccs:modules/ccs@0.1.0": ccs_modules_guest::ccs },
        generate_all,
    });
    export!(Service with_types_in self);
}

struct Service;

impl Guest for Service {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let Output { response, log } = http::Service::of_instance(get_environment).answer(
            &method::name(request.method()),
            &request.path_with_query().unwrap_or_default(),
            &request.headers().entries(),
        );
        if let Some(line) = log {
            // If standard error is closed, there is nowhere to report it.
            let _ = write(&get_stderr(), line.as_bytes());
        }
        let headers = Fields::new();
        for (name, value) in &response.headers {
            // A host that refuses a field, such as content-length, sets it itself.
            let _ = headers.append(name, value.as_bytes());
        }
        let outgoing = OutgoingResponse::new(headers);
        let _ = outgoing.set_status_code(response.status);
        let body = outgoing.body();
        ResponseOutparam::set(outparam, Ok(outgoing));
        if let Ok(body) = body {
            // Fails where the client has gone, and with HEAD, whose body is not as long as
            // content-length says. By then the response has its header, and nothing else to say.
            let _ = send(body, &response.body);
        }
    }
}

/// Sends a body as fast as the host takes it.
fn send(body: OutgoingBody, bytes: &[u8]) -> Result<(), ErrorCode> {
    if let Ok(stream) = body.write() {
        // Unwritten bytes are an error when the body is finished.
        let _ = write(&stream, bytes);
    }
    OutgoingBody::finish(body, None)
}

fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.blocking_flush()
}
