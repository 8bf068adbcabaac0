//! The HTTP service on Fastly Compute. Its store is a value of a KV store, or a cluster whose nodes are
//! backends, and its configuration a config store.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod cluster;
mod configuration;
mod fields;
mod kv;
mod request;

use alloc::borrow::Cow;

use ccs_modules::rest::{self, ErrorResponse, Response};
use ccs_modules::{Ask, Limits, Step};
use ccs_modules_guest::Environment;
use ccs_modules_guest::http::{self, Output};

use crate::bindings::exports::fastly::compute::http_incoming::Guest;
use crate::bindings::fastly::compute::http_req::Request;
use crate::bindings::fastly::compute::http_types::FramingHeadersMode;
use crate::bindings::fastly::compute::types::Error;
use crate::bindings::fastly::compute::{http_body, http_resp};
use crate::bindings::wasi::cli::stderr::get_stderr;
use crate::cluster::Cluster;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: ["../../wit", "compute", "wit"],
        world: "ccs:fastly/service",
        generate_all,
    });
    export!(Service with_types_in self);
}

struct Service;

impl Guest for Service {
    /// Answers a request. If a call of the host fails, the host itself answers 500.
    fn handle(request: Request, _: http_body::Body) -> Result<(), ()> {
        let Output { response, log } = answer(&request).map_err(drop)?;
        if let Some(line) = log {
            write_log(&line);
        }
        send(&response).map_err(drop)
    }
}

fn answer(request: &Request) -> Result<Output, Error> {
    let (method, target) = (request::method(request)?, request::target(request)?);
    let headers = fields::all(request)?;
    let configuration = match configuration::read() {
        Ok(configuration) => configuration,
        Err(reason) => {
            let service = http::Service::new(Environment::default());
            return Ok(service.fail(ErrorResponse::misconfigured(reason), &method));
        }
    };
    let service = http::Service::new(configuration.clone());
    Ok(service.answer_by(&method, &target, &headers, |request| {
        let response = match rest::handle(request, &Limits::default()) {
            Step::Done(response) => response,
            Step::Ask(ask) => answer_from_store(ask, &configuration),
        };
        response.into()
    }))
}

/// Answers from the store that the configuration names.
fn answer_from_store<T>(ask: Ask<T>, configuration: &Environment) -> T {
    if !configuration::names_cluster(configuration) {
        return ask.answer_body("the value", kv::catalog(configuration));
    }
    let cluster = Cluster::new(configuration);
    match ask {
        Ask::Document(ask) => {
            let document = cluster.and_then(|cluster| cluster.module(ask.uid()));
            ask.answer(document)
        }
        ask => ask.answer_body("the list", cluster.and_then(|cluster| cluster.list())),
    }
}

/// Writes a line to standard error, which Fastly shows with its other logs. If that is closed, there is
/// nowhere to report it.
fn write_log(line: &str) {
    /// The most bytes that one call takes.
    const MOST: usize = 4096;
    let stderr = get_stderr();
    for part in line.as_bytes().chunks(MOST) {
        let _ = stderr.blocking_write_and_flush(part);
    }
}

fn send(response: &Response<Cow<'static, [u8]>>) -> Result<(), Error> {
    let outgoing = http_resp::Response::new()?;
    outgoing.set_status(response.status)?;
    for (name, value) in &response.headers {
        outgoing.append_header(name, value.as_bytes())?;
    }
    // The response to HEAD has the length of the body that GET has.
    outgoing.set_framing_headers_mode(FramingHeadersMode::ManuallyFromHeaders)?;
    let body = http_body::new()?;
    let mut unwritten = response.body.as_ref();
    while !unwritten.is_empty() {
        let written = http_body::write(&body, unwritten)?;
        unwritten = unwritten.get(written as usize..).unwrap_or_default();
    }
    http_resp::send_downstream(outgoing, body)
}
