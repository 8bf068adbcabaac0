//! One connection: TLS, HTTP and the time of its client.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::ConnectionLimits;
use crate::server::answer::{Answer, fail, last_answer};
use crate::server::connections::exchanges::Exchanges;
use crate::server::connections::stream::{Shared, SharedStream};
use crate::server::connections::subject::Subject;
use crate::server::error;
use crate::server::metrics::Connections;
use crate::server::reload::Replaceable;

/// A handler of requests.
pub(in crate::server) trait Handler: Clone + Send + Sync + 'static {
    /// Responds to one request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

/// The address of the client, as an extension of a request.
#[derive(Clone, Copy)]
pub(in crate::server) struct Peer(pub(in crate::server) SocketAddr);

/// The client of a connection: its address, and the subject of its certificate if it showed one.
struct Client {
    peer: Option<Peer>,
    /// The subject of its certificate, which the handshake has verified.
    subject: Option<Subject>,
}

impl Client {
    /// Puts the address and the subject into the extensions of a request.
    fn introduce(&self, request: &mut Request<Incoming>) {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        if let Some(subject) = &self.subject {
            request.extensions_mut().insert(subject.clone());
        }
    }
}

/// The parts of the server that serve a connection.
#[derive(Clone)]
pub(super) struct Service<H> {
    pub(super) tls: Replaceable<Option<TlsAcceptor>>,
    pub(super) limits: ConnectionLimits,
    pub(super) handler: H,
    pub(super) metrics: Connections,
    /// Ends the connection with the requests in flight.
    pub(super) closing: CancellationToken,
    /// Whether there are too many connections. Then the first request is refused, and ends the connection.
    pub(super) refuses: bool,
}

impl<H: Handler> Service<H> {
    /// Serves a connection until it ends.
    pub(super) async fn serve(self, stream: TcpStream) {
        let peer = stream.peer_addr().ok().map(Peer);
        // Responses are written whole, so waiting for more bytes gains nothing.
        let _ = stream.set_nodelay(true);
        // The kernel takes little that it cannot send yet. So a client that takes bytes is seen to do so.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(16 << 10);

        let Some(tls) = self.tls.get() else {
            return self.speak(stream, Client { peer, subject: None }).await;
        };
        tokio::select! {
            opened = timeout(self.limits.client_timeout, tls.accept(stream)) => match opened {
                Ok(Ok(stream)) => {
                    let subject = Subject::of(stream.get_ref().1);
                    self.speak(stream, Client { peer, subject }).await
                }
                Ok(Err(error)) => tracing::debug!(reason = %error, "there is no TLS on the connection"),
                Err(_) => tracing::debug!("the TLS handshake did not come in time"),
            },
            () = self.closing.cancelled() => {}
        }
    }

    /// Speaks HTTP until the client or HTTP ends the connection, the client is late or the server stops.
    async fn speak<S>(self, stream: S, client: Client)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let client_timeout = self.limits.client_timeout;
        let (this, exchanges) = (Arc::new(self), Exchanges::new(client_timeout));
        let service = service_fn(|mut request: Request<Incoming>| {
            let (exchange, this) = (exchanges.open(), this.clone());
            client.introduce(&mut request);
            async move {
                // In a box, since HTTP/2 keeps the room of this future until the response is sent.
                let (head, body) = Box::pin(this.answer(request)).await.into_parts();
                let Ok(body) = body.collect().await;
                let exchange = exchange.with_response(body.to_bytes());
                Ok::<_, Infallible>(Response::from_parts(head, Full::new(exchange)))
            }
        });
        let shared = Arc::new(Mutex::new(Shared { stream, is_unanswered: false }));
        let stream = TokioIo::new(SharedStream(shared.clone()));

        let mut lacks_a_request = false;
        let ended = {
            let http = http(&this.limits);
            let mut connection = pin!(http.serve_connection(stream, service));
            let ending = async {
                tokio::select! {
                    () = exchanges.late() => exchanges.is_idle(),
                    () = this.closing.cancelled() => false,
                }
            };
            tokio::select! {
                ended = &mut connection => ended,
                lacks = ending => {
                    lacks_a_request = lacks;
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = &mut connection => ended,
                        () = exchanges.settled() => Ok(()),
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(reason = %error, "the connection failed");
            if let Some(status) = refused_by_http(&*error) {
                this.metrics.request_refused(status, client.peer, &error);
            }
        }

        // HTTP has ended, so this is the only owner.
        let Some(Ok(mut shared)) = Arc::into_inner(shared).map(Mutex::into_inner) else { return };
        let last = async {
            if lacks_a_request && shared.is_unanswered {
                let error = error::request_timed_out();
                let status = StatusCode::REQUEST_TIMEOUT;
                this.metrics.request_refused(status, client.peer, &error.description());
                shared.stream.write_all(&last_answer(error)).await?;
            }
            shared.stream.shutdown().await
        };
        let _ = timeout(client_timeout, last).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let error = if self.refuses {
            error::too_many_connections()
        } else if !has_one_host(&request) {
            error::bad_host()
        } else {
            return self.handler.answer(request).await;
        };

        self.closing.cancel();
        let mut answer = fail(error.clone(), request.method());
        self.metrics.request_refused(
            answer.status(),
            request.extensions().get().copied(),
            &error.description(),
        );
        // HTTP/2 drops it.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

/// Whether a request has one valid `host`, which only HTTP/1.1 needs (RFC 9112, section 3.2).
fn has_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host.as_bytes()),
        _ => false,
    }
}

fn is_host(value: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(value) else { return false };
    let port = authority.as_str().strip_prefix(authority.host());
    port.is_some_and(|port| {
        port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The status with which HTTP/1.1 refused a request that the service has not seen.
fn refused_by_http(error: &(dyn Error + Send + Sync + 'static)) -> Option<StatusCode> {
    let error: &hyper::Error = error.downcast_ref()?;
    match error.is_parse() {
        true if error.to_string() == "URI too long" => Some(StatusCode::URI_TOO_LONG),
        true if error.is_parse_too_large() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        true => Some(StatusCode::BAD_REQUEST),
        false => None,
    }
}

/// HTTP/1.1 and HTTP/2, within limits.
fn http(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    // Most requests over the server's own limit get a response in the form of the API.
    let head_bytes = limits.header_bytes.saturating_mul(2).saturating_add(64 << 10);
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().half_close(true).header_read_timeout(None).max_buf_size(head_bytes);
    http.http2()
        .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW);
    http
}

/// The number of requests in flight on one HTTP/2 connection.
const STREAMS: u32 = 100;

/// The bytes of request bodies that an HTTP/2 connection accepts. Bodies are not read, so it is the
/// least that is allowed (RFC 9113, section 6.9.2).
const WINDOW: u32 = 65_535;
