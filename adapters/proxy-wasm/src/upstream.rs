//! The upstream, asked through the proxy: the core makes the requests and reads the responses.

use std::time::Duration;

use ccs_modules::StoreError;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use crate::counters::{Counter, Counters};

pub use ccs_modules::upstream::{Request, Response};

/// Header fields: names and values.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Sends a request to a cluster, with the header fields that trace it, except those that the
/// configuration sets. The proxy reports the response, or its failure, in a later call, by the number
/// that it gives the request here.
pub fn send(
    cluster: &str,
    request: &Request,
    trace: &Headers,
    timeout: Duration,
) -> Result<u32, NoResponse> {
    let mut headers = vec![
        (":method", "GET"),
        (":scheme", request.scheme.as_str()),
        (":authority", request.authority.as_str()),
        (":path", request.path.as_str()),
    ];
    headers.extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // The configuration has the last word on what is sent.
    for (name, value) in trace {
        let is_set = request.headers.iter().any(|(set, _)| set == name);
        if let (false, Ok(value)) = (is_set, str::from_utf8(value)) {
            headers.push((name, value));
        }
    }

    hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), timeout).map_err(|status| {
        NoResponse(match status {
            Status::BadArgument => format!(
                "the proxy does not know the cluster \"{cluster}\": check ccs.upstream.cluster"
            ),
            Status::InternalFailure => {
                format!("the proxy has no connection to the cluster \"{cluster}\"")
            }
            status => format!("the proxy did not ask the cluster \"{cluster}\": {status:?}"),
        })
    })
}

/// Keeps the header fields that trace a request: W3C Trace Context, and the proxy's request id.
pub fn trace(mut headers: Headers) -> Headers {
    const TRACE: [&str; 3] = ["traceparent", "tracestate", "x-request-id"];
    headers.retain(|(name, _)| TRACE.contains(&name.as_str()));
    headers
}

/// Takes the response to a request from the proxy: so much of the body as the core needs to see.
pub fn response(
    request: &Request,
    headers: usize,
    body_bytes: usize,
) -> Result<Response, NoResponse> {
    // The proxy reports a response that broke off without header fields.
    if headers == 0 {
        return Err(NoResponse("the response broke off".into()));
    }
    let unreadable =
        |status| NoResponse(format!("the proxy does not hand over the response: {status:?}"));
    let headers = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).map_err(unreadable)?;
    let status = headers.iter().find(|(name, _)| name == ":status");
    let status = status.and_then(|(_, value)| str::from_utf8(value).ok()?.parse().ok());
    let status = status.ok_or_else(|| NoResponse("the response has no status".into()))?;
    let most = body_bytes.min(request.body_bytes.saturating_add(1));
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, most);
    Ok(Response { status, headers, body: body.map_err(unreadable)?.unwrap_or_default() })
}

/// The reason why a request has no response.
pub struct NoResponse(pub String);

impl NoResponse {
    pub fn failure(&self, request: &Request) -> Failure {
        Failure { kind: FailureKind::Unavailable, error: request.failed(&self.0) }
    }
}

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
    /// The kind of failure of a response that the core does not take.
    pub fn of(request: &Request, response: &Response) -> Self {
        match response.status {
            200 if response.body.len() > request.body_bytes => Self::TooLarge,
            200 => Self::Malformed,
            401 | 403 => Self::Denied,
            // The proxy itself answers 503 without a connection, and 504 without a response in time.
            502 | 503 => Self::Unavailable,
            504 => Self::Timeout,
            _ => Self::Status,
        }
    }

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
