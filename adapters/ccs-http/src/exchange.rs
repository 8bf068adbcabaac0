//! A request and its response, over outgoing `wasi:http`. Redirects are not followed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::upstream::{Request, Response, Scheme};

use crate::Network;
use crate::bindings::wasi::clocks::monotonic_clock::{self, subscribe_duration};
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    self, ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingRequest, RequestOptions,
};
use crate::bindings::wasi::io::poll::{Pollable, poll};
use crate::bindings::wasi::io::streams::StreamError;

/// The most bytes that are taken from the host at once.
const CHUNK: u64 = 64 << 10;

/// The network that the host gives.
pub(crate) struct Wasi;

impl Network for Wasi {
    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, String> {
        let end = subscribe_duration(nanoseconds(timeout));
        let deadline = Deadline { end, timeout };
        let response = receive(request, &deadline)?;
        let status = response.status();
        let headers = response.headers().entries();
        let body = read(response, request.body_bytes, &deadline)?;
        Ok(Response { status, headers, body })
    }

    fn sleep(&self, time: Duration) {
        subscribe_duration(nanoseconds(time)).block();
    }
}

/// The moment at which a request is given up.
struct Deadline {
    end: Pollable,
    timeout: Duration,
}

impl Deadline {
    /// Waits until something is ready. The error is the one for a response that comes too late.
    fn wait_for(&self, pollable: &Pollable) -> Result<(), String> {
        poll(&[pollable, &self.end]);
        if pollable.ready() { Ok(()) } else { Err(self.late()) }
    }

    fn late(&self) -> String {
        format!("no response in {} ms", self.timeout.as_millis())
    }
}

/// Sends a request, and returns the response once its header is there.
fn receive(request: &Request, deadline: &Deadline) -> Result<IncomingResponse, String> {
    let outgoing = outgoing(request)?;
    let failed = |code| words(&code, deadline);
    let future = handle(outgoing, Some(options(deadline.timeout))).map_err(failed)?;
    deadline.wait_for(&future.subscribe())?;
    match future.get() {
        Some(Ok(response)) => response.map_err(failed),
        _ => Err(deadline.late()),
    }
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, String> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        let refused = |_| format!("this host does not let a component set {name}");
        headers.append(name, value.as_bytes()).map_err(refused)?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = match request.scheme {
        Scheme::Http => types::Scheme::Http,
        Scheme::Https => types::Scheme::Https,
    };
    let refused = |()| String::from("this host does not accept the URL");
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(&request.authority)).map_err(refused)?;
    outgoing.set_path_with_query(Some(&request.path)).map_err(refused)?;
    Ok(outgoing)
}

/// Returns the timeouts for the host. One that the host does not know is ours alone.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let timeout = Some(nanoseconds(timeout));
    let _ = options.set_connect_timeout(timeout);
    let _ = options.set_first_byte_timeout(timeout);
    let _ = options.set_between_bytes_timeout(timeout);
    options
}

/// Reads a body, and no more than one chunk beyond its limit.
fn read(response: IncomingResponse, limit: usize, deadline: &Deadline) -> Result<Vec<u8>, String> {
    let unreadable = |()| String::from("the body cannot be read");
    let body: IncomingBody = response.consume().map_err(unreadable)?;
    let stream = body.stream().map_err(unreadable)?;
    let mut bytes = Vec::new();
    while bytes.len() <= limit {
        deadline.wait_for(&stream.subscribe())?;
        match stream.read(CHUNK) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => break,
            // Hosts differ in the code for it.
            Err(StreamError::LastOperationFailed(_)) => return Err(BROKEN_OFF.into()),
        }
    }
    Ok(bytes)
}

const BROKEN_OFF: &str = "the connection broke off";

/// Returns words for an error. The host's own text may contain what clients must not see.
fn words(code: &ErrorCode, deadline: &Deadline) -> String {
    match code {
        ErrorCode::ConnectionRefused => "connection refused",
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => BROKEN_OFF,
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => return deadline.late(),
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => {
            "this host does not let the component send requests there"
        }
        ErrorCode::DestinationIpUnroutable | ErrorCode::DestinationUnavailable => {
            "the host cannot be reached"
        }
        ErrorCode::DestinationNotFound | ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => {
            "the host name is not known"
        }
        ErrorCode::HttpProtocolError => "the response is not HTTP; does this port speak TLS?",
        ErrorCode::TlsAlertReceived(_)
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsProtocolError => {
            "no TLS connection: the certificate must be signed by an authority that this host trusts"
        }
        _ => "the request failed",
    }
    .into()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
