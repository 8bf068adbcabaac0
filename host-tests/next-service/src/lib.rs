//! The service behind a middleware in the tests, on WASI 0.3: its response contains the method, the
//! target and the body of the request. A field `x-host` has its authority, and one each value of `host`.

#![cfg(target_family = "wasm")]

use wit_bindgen::{StreamResult, spawn_local};

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use crate::bindings::{wit_future, wit_stream};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: "../../adapters/wasi/0.3",
        inline: "
            package ccs:next-service;

            world service {
                export wasi:http/handler@0.3.0;
            }
        ",
        world: "ccs:next-service/service",
        generate_all,
    });
    export!(Service with_types_in self);
}

struct Service;

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let method = format!("{:?}", request.get_method());
        let target = request.get_path_with_query().unwrap_or_default();
        let fields = Fields::new();
        let authority = request.get_authority().map(String::into_bytes);
        for host in authority.into_iter().chain(request.get_headers().get("host")) {
            let _ = fields.append("x-host", &host);
        }
        let (_, whole) = wit_future::new(|| Ok(()));
        let (mut body, _trailers) = Request::consume_body(request, whole);
        let mut text = format!("next {method} {target} ").into_bytes();
        loop {
            let (status, part) = body.read(Vec::with_capacity(4096)).await;
            text.extend(part);
            if !matches!(status, StreamResult::Complete(_)) {
                break;
            }
        }
        let (mut writer, contents) = wit_stream::new();
        spawn_local(async move {
            writer.write_all(text).await;
        });
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(fields, Some(contents), trailers);
        Ok(response)
    }
}
