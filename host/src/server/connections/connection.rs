//! One connection: TLS, HTTP and the time of its client.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ccs_modules::rest::Refusal;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::answer::{Answer, last_answer, refuse};
use crate::server::connections::exchanges::Exchanges;
use crate::server::connections::stream::WatchedStream;
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

/// What serves the connections of a listener.
#[derive(Clone)]
pub(super) struct Service<H> {
    pub(super) tls: Replaceable<Option<TlsAcceptor>>,
    pub(super) http: auto::Builder<TokioExecutor>,
    pub(super) client_timeout: Duration,
    pub(super) handler: H,
    pub(super) metrics: Connections,
    /// Ends connections with the requests in flight.
    pub(super) closing: CancellationToken,
    /// Whether there are too many connections. Then the first request is refused, and ends the connection.
    pub(super) refuses: bool,
}

impl<H: Handler> Service<H> {
    /// Serves one connection until it ends.
    pub(super) async fn serve(self, stream: TcpStream) {
        let peer = stream.peer_addr().ok().map(Peer);
        prepare(&stream);

        let Some(tls) = self.tls.get() else {
            return self.speak(stream, peer).await;
        };
        tokio::select! {
            opened = timeout(self.client_timeout, tls.accept(stream)) => match opened {
                Ok(Ok(stream)) => self.speak(stream, peer).await,
                Ok(Err(error)) => tracing::debug!(%error, "there is no TLS on the connection"),
                Err(_) => tracing::debug!("the TLS handshake did not come in time"),
            },
            () = self.closing.cancelled() => {}
        }
    }

    async fn speak<S>(self, stream: S, peer: Option<Peer>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let exchanges = Exchanges::new(self.client_timeout);
        let stream = Arc::new(Mutex::new(stream));
        let watched = WatchedStream { stream: stream.clone(), exchanges: exchanges.clone() };
        let service = service_fn(|mut request: Request<Incoming>| {
            let (exchange, service) = (exchanges.open(), self.clone());
            async move {
                if let Some(peer) = peer {
                    request.extensions_mut().insert(peer);
                }
                let (head, body) = service.answer(request).await.into_parts();
                let Ok(body) = body.collect().await;
                let body = Full::new(exchange.body(body.to_bytes()));
                Ok::<_, Infallible>(Response::from_parts(head, body))
            }
        });

        let mut is_late = false;
        let ended = {
            let mut connection = pin!(self.http.serve_connection(TokioIo::new(watched), service));
            tokio::select! {
                ended = &mut connection => ended,
                () = async {
                    tokio::select! {
                        () = exchanges.late() => is_late = true,
                        () = self.closing.cancelled() => {}
                    }
                } => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = &mut connection => ended,
                        () = exchanges.settled() => Ok(()),
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "the connection failed");
            if let Some(status) = refused_by_http(&*error) {
                self.metrics.request_refused(status, peer, &error);
            }
        }

        let stream = Arc::into_inner(stream).and_then(|stream| stream.into_inner().ok());
        let last_words = async {
            let Some(mut stream) = stream else { return Ok(()) };
            if is_late && exchanges.has_part_of_a_request() {
                let refusal = Refusal::RequestTimedOut;
                self.metrics.request_refused(
                    StatusCode::REQUEST_TIMEOUT,
                    peer,
                    &refusal.description(),
                );
                stream.write_all(&last_answer(&refusal)).await?;
            }
            stream.shutdown().await
        };
        let _ = timeout(self.client_timeout, last_words).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let refusal = if self.refuses {
            Refusal::TooManyConnections
        } else if !has_one_host(&request) {
            Refusal::BadRequest(
                "host must be there once, as a name or an address, with or without a port",
            )
        } else {
            return self.handler.answer(request).await;
        };

        self.closing.cancel();
        let mut answer = refuse(&refusal, request.method());
        self.metrics.request_refused(
            answer.status(),
            request.extensions().get().copied(),
            &refusal.description(),
        );
        // HTTP/2 drops it.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

/// Sets what a socket needs. No option is needed for correct responses, so errors do not matter.
fn prepare(stream: &TcpStream) {
    // Responses are written whole, so waiting for more bytes gains nothing.
    let _ = stream.set_nodelay(true);
    // The kernel takes no more than it can send soon. So a client that takes bytes is seen to take them.
    #[cfg(target_os = "linux")]
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

/// The bytes that the kernel keeps unsent.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 << 10;

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
