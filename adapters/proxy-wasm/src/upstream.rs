//! The upstream: the two requests to it, and the reading of its responses.

use ccs_modules::StoreError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use crate::config::{ModulePath, Upstream};
use crate::counters::{Counter, Counters};

impl Upstream {
    /// The path of the module with this uid. None if the module must be looked up in the list.
    pub fn module_path(&self, uid: &str) -> Option<String> {
        let ModulePath { before, after } = self.module.as_ref()?;
        // A dot segment would lead to another path (RFC 3986, section 5.2.4), also when it is encoded
        // and the upstream decodes the path first.
        let path = format!("{before}{uid}{after}");
        if path.split(['/', '\\', '?']).any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        Some(format!("{before}{}{after}", utf8_percent_encode(uid, ESCAPED)))
    }

    /// Sends a request, with the header fields of the client's request that trace it. The proxy
    /// reports the response, or its failure, in a later call.
    pub fn get(&self, path: &str, client: &[(String, Vec<u8>)]) -> Result<(), Failure> {
        let mut headers =
            vec![(":method", "GET"), (":path", path), (":authority", self.authority.as_str())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let configured = headers.len();
        for (name, value) in client.iter().filter(|(name, _)| TRACE.contains(&name.as_str())) {
            let is_configured = headers.iter().take(configured).any(|(found, _)| found == name);
            if let (false, Ok(value)) = (is_configured, str::from_utf8(value)) {
                headers.push((name, value));
            }
        }
        hostcalls::dispatch_http_call(&self.cluster, headers, None, Vec::new(), self.timeout)
            .map(drop)
            .map_err(|status| match status {
                Status::BadArgument => Failure::unavailable("the proxy does not know the upstream"),
                Status::InternalFailure => {
                    Failure::unavailable("the proxy has no connection to the upstream")
                }
                status => {
                    Failure::unavailable(format!("the proxy did not ask the upstream: {status:?}"))
                }
            })
    }
}

/// The header fields by which a request is traced: W3C Trace Context, and the proxy's request id.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "x-request-id"];

/// All characters but those that never need encoding (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A failure of the upstream.
pub struct Failure {
    pub kind: FailureKind,
    pub error: StoreError,
}

/// A kind of failure, as it is counted.
#[derive(Clone, Copy)]
pub enum FailureKind {
    Denied,
    Malformed,
    Status,
    Timeout,
    TooLarge,
    Unavailable,
}

impl FailureKind {
    pub fn counter(self, counters: &Counters) -> Counter {
        match self {
            Self::Denied => counters.upstream_denied,
            Self::Malformed => counters.upstream_malformed,
            Self::Status => counters.upstream_status,
            Self::Timeout => counters.upstream_timeout,
            Self::TooLarge => counters.upstream_too_large,
            Self::Unavailable => counters.upstream_unavailable,
        }
    }
}

impl Failure {
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unavailable, error: StoreError::Unavailable(reason.into()) }
    }

    /// The failure of a response with a status that does not answer the request.
    fn status(status: &[u8]) -> Self {
        let text = format!("the upstream answered {}", String::from_utf8_lossy(status));
        let (kind, error) = match status {
            b"401" | b"403" => (FailureKind::Denied, StoreError::Denied(text)),
            // The proxy itself answers 503 without a connection, and 504 without a response in time.
            b"502" | b"503" => (FailureKind::Unavailable, StoreError::Unavailable(text)),
            b"504" => (FailureKind::Timeout, StoreError::Unavailable(text)),
            _ => (FailureKind::Status, StoreError::Unavailable(text)),
        };
        Self { kind, error }
    }
}

/// Reads the response to the request for the list: its body.
pub fn list(headers: usize, body_bytes: usize, limit: usize) -> Result<Vec<u8>, Failure> {
    match status(headers)?.as_slice() {
        b"200" => body(body_bytes, limit),
        other => Err(Failure::status(other)),
    }
}

/// Reads the response to the request for one module: the document, or none if there is no such module.
pub fn module(headers: usize, body_bytes: usize, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
    match status(headers)?.as_slice() {
        b"200" => {
            let mut document = body(body_bytes, limit)?;
            // The API ends a body with a line end, which is not part of the document.
            document.pop_if(|last| *last == b'\n');
            Ok(Some(document))
        }
        b"404" => Ok(None),
        other => Err(Failure::status(other)),
    }
}

/// Reads the status of a response. The proxy reports a response that broke off without header fields.
fn status(headers: usize) -> Result<Vec<u8>, Failure> {
    if headers == 0 {
        return Err(Failure::unavailable("the upstream's response broke off"));
    }
    match hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status") {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(Failure::unavailable("the upstream's response has no status")),
        Err(status) => Err(unreadable(status)),
    }
}

fn body(bytes: usize, limit: usize) -> Result<Vec<u8>, Failure> {
    if bytes > limit {
        let reason = format!("the upstream's response is {bytes} bytes long, the limit is {limit}");
        return Err(Failure { kind: FailureKind::TooLarge, error: StoreError::Other(reason) });
    }
    match hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, bytes) {
        Ok(body) => Ok(body.unwrap_or_default()),
        Err(status) => Err(unreadable(status)),
    }
}

fn unreadable(status: Status) -> Failure {
    Failure::unavailable(format!(
        "the proxy does not hand over the upstream's response: {status:?}"
    ))
}
