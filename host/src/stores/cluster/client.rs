//! An HTTP client for one request at a time.

use std::path::PathBuf;
use std::time::Duration;

use ccs_modules::upstream::{Request, Response, Scheme};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::uri::Authority;
use hyper_util::rt::TokioIo;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::stores::{stream, tls};

/// An HTTP client: it sends what it is told to, over HTTP/1.1, and decides nothing. Each request has a
/// connection of its own, so none fails because a kept one was lost.
pub(super) struct Client {
    ca: Option<PathBuf>,
    /// Made at the first request over TLS, and kept: it resumes sessions.
    tls: OnceCell<TlsConnector>,
}

impl Client {
    pub(super) fn new(ca: Option<PathBuf>) -> Self {
        Self { ca, tls: OnceCell::new() }
    }

    /// Sends a request, and reads the whole response within the timeout; of a body that is too long,
    /// one byte more than allowed.
    ///
    /// # Errors
    ///
    /// The reason in plain words, without the node and without credentials.
    pub(super) async fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Response, String> {
        let deadline = Instant::now() + timeout;
        let late = || format!("no response in {} ms", timeout.as_millis());
        timeout_at(deadline, self.exchange(request, deadline)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(&self, request: &Request, deadline: Instant) -> Result<Response, String> {
        let authority: Authority =
            request.authority.parse().map_err(|_| "its name is not one of a host")?;
        let host = authority.host().trim_matches(['[', ']']);
        let (default_port, tls) = match request.scheme {
            Scheme::Http => (80, None),
            Scheme::Https => (443, Some(self.tls.get_or_try_init(|| self.connector()).await?)),
        };
        let port = authority.port_u16().unwrap_or(default_port);
        let stream = stream::connect(host, port, tls, deadline).await?;

        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| reason(&error))?;
        // It ends with this call, whatever the outcome.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(head(request)?).await.map_err(|error| reason(&error))?;

        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let body = body(response.into_body(), request.body_bytes).await?;
        Ok(Response { status, headers, body })
    }

    async fn connector(&self) -> Result<TlsConnector, String> {
        tls::connector(self.ca.clone()).await
    }
}

/// The request as hyper sends it.
fn head(request: &Request) -> Result<hyper::Request<Empty<Bytes>>, String> {
    let mut head = hyper::Request::get(&request.path)
        .header("host", &request.authority)
        .header("connection", "close");
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    // hyper's message could show a header field.
    head.body(Empty::new()).map_err(|_| "the request cannot be sent over HTTP".into())
}

/// Reads a body, up to one byte more than `limit`.
async fn body(mut incoming: Incoming, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| format!("{} within the body", reason(&error)))?;
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

fn reason(error: &hyper::Error) -> String {
    if error.is_parse() {
        "it does not answer in HTTP; does this port speak TLS?".into()
    } else {
        // The other errors are of connections that end early.
        "the connection was lost".into()
    }
}
