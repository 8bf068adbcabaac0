//! An HTTP client for one request at a time.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use crate::net::NetError;
use crate::net::deadline::Deadline;
use crate::net::proxy::Proxies;
use crate::net::stream::{self, Server, refused_certificate};
use crate::net::tls::Connector;

/// An HTTP client. It sends given requests over HTTP/1.1, and decides nothing. Each request has a
/// connection of its own, so no request fails because a kept connection was lost.
pub(crate) struct HttpClient {
    /// The name in the certificates of the servers, if that is not the host.
    name: Option<String>,
    proxies: Proxies,
    tls: Connector,
}

impl HttpClient {
    /// Makes a client that speaks TLS by this connector.
    pub(crate) fn new(tls: Connector) -> Self {
        Self { name: None, proxies: Proxies::of_environment(), tls }
    }

    /// Expects this name in the certificates of the servers.
    pub(crate) fn with_name(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }

    /// Sends a request to the server that its URI names, and reads the whole response within the
    /// timeout; of a body that is longer than `body_bytes`, one byte more than that.
    ///
    /// # Errors
    ///
    /// The reason, without the server and without credentials.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        body_bytes: usize,
        timeout: Duration,
    ) -> Result<Response<Vec<u8>>, NetError> {
        let deadline = Deadline::after(timeout);
        let exchange = async { Ok(self.exchange(request, body_bytes, deadline).await) };
        let late =
            |error: io::Error| Err(NetError::because(format!("no response in {deadline}"), error));
        deadline.wait_for(exchange).await.unwrap_or_else(late)
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        body_bytes: usize,
        deadline: Deadline,
    ) -> Result<Response<Vec<u8>>, NetError> {
        let (is_encrypted, authority) = server(&mut request)?;
        let host = authority.host().trim_matches(['[', ']']);
        let (default_port, tls) = match is_encrypted {
            false => (80, None),
            true => (443, Some(self.tls.get().await?)),
        };
        let port = authority.port_u16().unwrap_or(default_port);
        let proxy = tls.as_ref().and_then(|_| self.proxies.to(host, port));
        let server = Server { host, port, tls: tls.as_ref(), name: self.name.as_deref(), proxy };
        let stream = stream::connect(server, deadline).await?;

        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // It ends with this call, whatever the outcome.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request).await.map_err(failed)?;
        let (head, incoming) = response.into_parts();
        Ok(Response::from_parts(head, body(incoming, body_bytes).await?))
    }
}

/// The name of this program in the logs of servers.
const AGENT: &str = concat!("ccs-modules/", env!("CARGO_PKG_VERSION"));

/// Takes the server out of the URI of a request, whether it is asked over TLS, and its authority. The
/// path is left, as HTTP/1.1 has it.
fn server(request: &mut Request<Full<Bytes>>) -> Result<(bool, Authority), NetError> {
    const NO_HOST: &str = "its name is not one of a host";
    let parts = request.uri().clone().into_parts();
    let authority = parts.authority.ok_or_else(|| NetError::new(NO_HOST))?;
    let host = HeaderValue::from_str(authority.as_str());
    request.headers_mut().insert(HOST, host.map_err(|error| NetError::because(NO_HOST, error))?);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    Ok((parts.scheme == Some(Scheme::HTTPS), authority))
}

/// Reads a body, up to one byte more than `limit`.
async fn body(mut incoming: Incoming, limit: usize) -> Result<Vec<u8>, NetError> {
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| {
            NetError::because(format!("{} within the body", reason(&error)), error)
        })?;
        if let Ok(data) = frame.into_data() {
            let most = limit.saturating_add(1).saturating_sub(body.len());
            body.extend(data.iter().take(most));
            if body.len() > limit {
                break;
            }
        }
    }
    Ok(body)
}

fn failed(error: hyper::Error) -> NetError {
    // With TLS 1.3, a server refuses the client's certificate after the handshake.
    let inner =
        error.source().and_then(|source| source.downcast_ref()).and_then(io::Error::get_ref);
    let refused = inner.and_then(|error| error.downcast_ref()).and_then(refused_certificate);
    NetError::because(refused.unwrap_or_else(|| reason(&error).into()), error)
}

fn reason(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "its response has more than 100 header fields, or too long ones"
    } else if error.is_parse() {
        "it does not answer in HTTP; does this port speak TLS?"
    } else {
        // The other errors are of connections that end early.
        "the connection was lost"
    }
}
