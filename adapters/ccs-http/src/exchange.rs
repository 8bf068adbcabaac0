//! A request and its response, over outgoing `wasi:http`. Redirects are not followed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use ccs_modules::upstream::{Request, Response, Scheme};

use crate::Network;
use crate::bindings::wasi::clocks::monotonic_clock::{self, subscribe_duration};
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    self, ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse,
    OutgoingRequest, RequestOptions,
};
use crate::bindings::wasi::io::streams::{InputStream, StreamError};
use crate::deadline::{Deadline, nanoseconds};

/// The most bytes that are taken from the host at once.
const CHUNK: u64 = 64 << 10;

/// The network that the host gives.
pub(crate) struct Wasi;

/// A request that has been sent, and what has come of its response. It may stay open between two calls of
/// an instance.
pub(crate) struct Exchange {
    state: State,
    /// The moment at which the request is given up.
    end: Deadline,
    timeout: Duration,
    /// The most bytes of a body that are accepted.
    limit: usize,
}

enum State {
    Sent(FutureIncomingResponse),
    Receiving(Incoming),
}

/// A response whose header has come. The fields are dropped in this order, as the host demands.
struct Incoming {
    stream: InputStream,
    _body: IncomingBody,
    response: IncomingResponse,
    bytes: Vec<u8>,
}

impl Network for Wasi {
    type Exchange = Exchange;

    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    fn start(&self, request: &Request, timeout: Duration) -> Result<Exchange, String> {
        let failed = |code| words(&code, timeout);
        let future = handle(outgoing(request)?, Some(options(timeout))).map_err(failed)?;
        let end = Deadline::after(timeout);
        Ok(Exchange { state: State::Sent(future), end, timeout, limit: request.body_bytes })
    }

    fn receive(&self, exchange: &mut Exchange) -> Option<Result<Response, String>> {
        exchange.receive().transpose()
    }

    fn wait(&self, exchange: &Exchange, longest: Duration) -> bool {
        let more = match &exchange.state {
            State::Sent(future) => future.subscribe(),
            State::Receiving(incoming) => incoming.stream.subscribe(),
        };
        exchange.end.wait_for(&[&more, &subscribe_duration(nanoseconds(longest))]);
        more.ready()
    }

    fn sleep(&self, time: Duration) {
        subscribe_duration(nanoseconds(time)).block();
    }
}

impl Exchange {
    /// Receives what has come; `None` if more is to come.
    fn receive(&mut self) -> Result<Option<Response>, String> {
        if let State::Sent(future) = &self.state {
            match future.get() {
                None => return self.more(),
                Some(Ok(Ok(response))) => {
                    self.state = State::Receiving(Incoming::new(response)?);
                }
                Some(Ok(Err(code))) => return Err(words(&code, self.timeout)),
                Some(Err(())) => return Err(late(self.timeout)),
            }
        }

        if let State::Receiving(incoming) = &mut self.state
            && incoming.read(self.limit)?
        {
            let Incoming { response, bytes, .. } = incoming;
            let (status, headers) = (response.status(), response.headers().entries());
            return Ok(Some(Response { status, headers, body: mem::take(bytes) }));
        }
        self.more()
    }

    /// Returns `None` if more may come, or the error if the time is over.
    fn more(&self) -> Result<Option<Response>, String> {
        if self.end.is_over() { Err(late(self.timeout)) } else { Ok(None) }
    }
}

impl Incoming {
    fn new(response: IncomingResponse) -> Result<Self, String> {
        let unreadable = |()| String::from("the body cannot be read");
        let body = response.consume().map_err(unreadable)?;
        let stream = body.stream().map_err(unreadable)?;
        Ok(Self { stream, _body: body, response, bytes: Vec::new() })
    }

    /// Reads what has come of the body, and no more than one chunk beyond its limit. Returns whether that
    /// is all.
    fn read(&mut self, limit: usize) -> Result<bool, String> {
        while self.bytes.len() <= limit {
            match self.stream.read(CHUNK) {
                Ok(chunk) if chunk.is_empty() => return Ok(false),
                Ok(chunk) => self.bytes.extend_from_slice(&chunk),
                Err(StreamError::Closed) => break,
                // Hosts differ in the code for it.
                Err(StreamError::LastOperationFailed(_)) => return Err(BROKEN_OFF.into()),
            }
        }
        Ok(true)
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

/// Returns the timeouts for the host. If the host does not support one, only this component observes it.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let timeout = Some(nanoseconds(timeout));
    let _ = options.set_connect_timeout(timeout);
    let _ = options.set_first_byte_timeout(timeout);
    let _ = options.set_between_bytes_timeout(timeout);
    options
}

const BROKEN_OFF: &str = "the connection broke off";

/// Returns words for an error. The host's own text may contain what clients must not see.
fn words(code: &ErrorCode, timeout: Duration) -> String {
    match code {
        ErrorCode::ConnectionRefused => "connection refused",
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => BROKEN_OFF,
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => return late(timeout),
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

fn late(timeout: Duration) -> String {
    format!("no response in {} ms", timeout.as_millis())
}
