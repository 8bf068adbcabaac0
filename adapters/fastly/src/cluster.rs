//! A cluster as the store, by its REST API: each node is a backend of the service.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::upstream::{Call, Request, Response};
use ccs_modules::{Limits, StoreError};
use ccs_modules_guest::Environment;
use ccs_modules_guest::cluster::Config;

use crate::bindings::fastly::compute::async_io::{Pollable, select_with_timeout};
use crate::bindings::fastly::compute::backend::Backend;
use crate::bindings::fastly::compute::http_body;
use crate::bindings::fastly::compute::http_req::{
    self, ErrorWithDetail, SendErrorDetail, await_response, send_async_uncached,
};
use crate::bindings::fastly::compute::types::{Error, OpenError};
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::configuration::BACKENDS;
use crate::fields;

/// A cluster, and the backend of each node.
pub struct Cluster {
    config: Config,
    backends: Vec<String>,
}

impl Cluster {
    /// Reads the nodes and their backends from the configuration.
    ///
    /// # Errors
    ///
    /// The name that is missing or wrong, and the reason.
    pub fn new(configuration: &Environment) -> Result<Self, StoreError> {
        let config = Config::new(configuration)?;
        let names = configuration.get(BACKENDS).unwrap_or_default();
        let backends: Vec<String> = names.split(',').map(|name| name.trim().into()).collect();
        let nodes = config.upstream.nodes().len();
        if backends.len() != nodes || backends.iter().any(String::is_empty) {
            return Err(StoreError::Other(format!(
                "{BACKENDS}: expected the name of a backend for each URL in CCS_HTTP_URL, comma \
                 separated, so {nodes}"
            )));
        }
        Ok(Self { config, backends })
    }

    /// Fetches the body of `GET /v1/modules`.
    pub fn list(&self) -> Result<Vec<u8>, StoreError> {
        self.resolve(self.config.upstream.list_call())
    }

    /// Fetches the document of the module with this uid, if there is one.
    pub fn module(&self, uid: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.resolve(self.config.upstream.module_call(uid, &Limits::default()))
    }

    fn resolve<T>(&self, call: Call<'_, T>) -> Result<T, StoreError> {
        call.resolve(self.config.timeout, now, |request, timeout| self.send(request, timeout))
    }

    /// Sends a request to its node, and receives the response.
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, String> {
        let deadline = Deadline { end: now().saturating_add(timeout), timeout };
        let name = self.backends.get(request.node).map_or("", String::as_str);
        let backend = Backend::open(name).map_err(|error| match error {
            OpenError::NotFound => format!("the service has no backend \"{name}\""),
            _ => format!("{BACKENDS}: \"{name}\" is not the name of a backend"),
        })?;
        // Past Fastly's cache, which would keep a list that says nothing of caching, and for everybody.
        let sent = outgoing(request)
            .and_then(|outgoing| send_async_uncached(outgoing, http_body::new()?, &backend));
        let pending = sent.map_err(|_| "this host does not send the request")?;
        deadline.wait_for(&pending)?;
        let (response, body) = await_response(pending).map_err(|error| words(&error))?;
        let unreadable = |_| String::from("this host does not hand over the response");
        let status = response.get_status().map_err(unreadable)?;
        let headers = fields::all(&response).map_err(unreadable)?;
        Ok(Response { status, headers, body: read(&body, request.body_bytes, deadline)? })
    }
}

/// The request as the host sends it.
fn outgoing(request: &Request) -> Result<http_req::Request, Error> {
    let outgoing = http_req::Request::new()?;
    outgoing.set_method("GET")?;
    outgoing.set_uri(&request.url())?;
    for (name, value) in &request.headers {
        outgoing.append_header(name, value.as_bytes())?;
    }
    Ok(outgoing)
}

/// Reads a body, and no more than one chunk beyond its limit.
fn read(body: &http_body::Body, limit: usize, deadline: Deadline) -> Result<Vec<u8>, String> {
    const CHUNK: u32 = 64 << 10;
    let mut bytes = Vec::new();
    while bytes.len() <= limit {
        deadline.wait_for(body)?;
        let chunk = http_body::read(body, CHUNK).map_err(|_| BROKEN_OFF)?;
        if chunk.is_empty() {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The moment at which a request is given up.
#[derive(Clone, Copy)]
struct Deadline {
    end: Duration,
    timeout: Duration,
}

impl Deadline {
    /// Waits until there is something to receive.
    fn wait_for(self, pollable: &Pollable) -> Result<(), String> {
        let late = || format!("no response in {} ms", self.timeout.as_millis());
        let left = self.end.saturating_sub(now());
        if left.is_zero() {
            return Err(late());
        }

        // A part of a millisecond is one: 0 would be no timeout.
        let left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
        select_with_timeout(&[pollable], left).map(|_| ()).ok_or_else(late)
    }
}

const BROKEN_OFF: &str = "the connection broke off";

/// Returns words for an error. Fastly's errors have more detail than those of its local runtime.
fn words(error: &ErrorWithDetail) -> &'static str {
    match error.detail {
        Some(SendErrorDetail::ConnectionRefused) => "connection refused",
        Some(SendErrorDetail::ConnectionTerminated | SendErrorDetail::HttpIncompleteResponse) => {
            BROKEN_OFF
        }
        Some(
            SendErrorDetail::ConnectionTimeout
            | SendErrorDetail::DnsTimeout
            | SendErrorDetail::HttpResponseTimeout,
        ) => "no response within the timeouts of the backend",
        Some(
            SendErrorDetail::DestinationIpUnroutable
            | SendErrorDetail::DestinationNotFound
            | SendErrorDetail::DestinationUnavailable
            | SendErrorDetail::DnsError(_),
        ) => "the backend cannot be reached",
        Some(SendErrorDetail::HttpProtocolError | SendErrorDetail::HttpResponseStatusInvalid) => {
            "the response is not HTTP; does this port speak TLS?"
        }
        Some(
            SendErrorDetail::TlsAlertReceived(_)
            | SendErrorDetail::TlsCertificateError
            | SendErrorDetail::TlsConfigurationError
            | SendErrorDetail::TlsProtocolError,
        ) => "no TLS connection: see the backend's settings for TLS",
        _ => "the request failed",
    }
}

/// Returns the time since some moment.
fn now() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}
