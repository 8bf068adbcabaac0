//! One connection: TLS, HTTP and timeouts.

use std::convert::Infallible;
use std::error::Error;
use std::io::Cursor;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::answer::{Answer, last_answer};
use crate::server::connections::protocol::{self, Protocol};
use crate::server::reload::Replaceable;
use crate::server::{ConnectionLimits, error};

/// A handler of requests.
pub(in crate::server) trait Handler: Clone + Send + Sync + 'static {
    /// Responds to one request.
    fn answer(&self, request: hyper::Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

/// The settings of every connection of a listener.
#[derive(Clone)]
pub(super) struct ConnectionSettings {
    pub(super) tls: Replaceable<Option<TlsAcceptor>>,
    pub(super) limits: ConnectionLimits,
    /// The time until the response to a request.
    pub(super) response_timeout: Duration,
}

/// Serves one connection until it ends. After `closing`, it ends with the requests in flight.
pub(super) async fn serve(
    stream: TcpStream,
    settings: ConnectionSettings,
    handler: impl Handler,
    closing: CancellationToken,
) {
    // Responses are written whole, so waiting for more bytes gains nothing.
    let _ = stream.set_nodelay(true);
    let handler = FromPeer { handler, peer: stream.peer_addr().ok().map(Peer) };
    let served = match settings.tls.get() {
        None => speak(stream, &settings, handler, closing).await,
        Some(tls) => tokio::select! {
            opened = timeout(settings.limits.client_timeout, tls.accept(stream)) => match opened {
                Ok(Ok(stream)) => speak(stream, &settings, handler, closing).await,
                Ok(Err(error)) => Err(error.into()),
                Err(elapsed) => Err(elapsed.into()),
            },
            () = closing.cancelled() => Ok(()),
        },
    };
    if let Err(error) = served {
        tracing::debug!(%error, "the connection failed");
    }
}

/// The address of the client, as an extension of a request.
#[derive(Clone, Copy)]
pub(in crate::server) struct Peer(pub(in crate::server) SocketAddr);

/// A handler that is told the address of the client.
#[derive(Clone)]
struct FromPeer<H> {
    handler: H,
    peer: Option<Peer>,
}

impl<H: Handler> Handler for FromPeer<H> {
    async fn answer(&self, mut request: hyper::Request<Incoming>) -> Answer {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.handler.answer(request).await
    }
}

type Served = Result<(), Box<dyn Error + Send + Sync>>;

async fn speak<S>(
    mut stream: S,
    settings: &ConnectionSettings,
    handler: impl Handler,
    closing: CancellationToken,
) -> Served
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (protocol, first) = tokio::select! {
        detected = timeout(settings.limits.client_timeout, protocol::detect(&mut stream)) => detected??,
        () = closing.cancelled() => return Ok(()),
    };
    let (reader, writer) = split(stream);
    let mut stream = TimeoutStream::new(join(Cursor::new(first).chain(reader), writer));
    stream.set_write_timeout(Some(settings.limits.client_timeout));
    match protocol {
        Protocol::Http1 => speak_http1(Box::pin(stream), settings, handler, closing).await,
        Protocol::Http2 => {
            // A client that waits for a response sends nothing.
            stream.set_read_timeout(Some(
                settings.limits.client_timeout.saturating_add(settings.response_timeout),
            ));
            speak_http2(Box::pin(stream), settings, handler, closing).await
        }
    }
}

async fn speak_http1<S>(
    stream: S,
    settings: &ConnectionSettings,
    handler: impl Handler,
    closing: CancellationToken,
) -> Served
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.limits.client_timeout)
        .max_header_size(head_bytes(&settings.limits))
        .serve_connection(TokioIo::new(stream), service(handler));
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = closing.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if ended.as_ref().is_err_and(hyper::Error::is_timeout) {
        let parts = connection.into_parts();
        // A client that has begun a request gets a response. An idle connection only ends.
        if !parts.read_buf.is_empty() {
            let mut stream = parts.io.into_inner();
            stream.write_all(&last_answer(error::request_timed_out())).await?;
            stream.shutdown().await?;
        }
    }
    Ok(ended?)
}

async fn speak_http2<S>(
    stream: S,
    settings: &ConnectionSettings,
    handler: impl Handler,
    closing: CancellationToken,
) -> Served
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(head_bytes(&settings.limits)).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW)
        .serve_connection(TokioIo::new(stream), service(handler));
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = closing.cancelled() => None,
    };
    match ended {
        Some(ended) => Ok(ended?),
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            Ok(connection.await?)
        }
    }
}

/// The handler as hyper calls it.
fn service(
    handler: impl Handler,
) -> impl Service<hyper::Request<Incoming>, Response = Answer, Error = Infallible, Future: Send + 'static>
{
    service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok(handler.answer(request).await) }
    })
}

/// The number of requests in flight on one HTTP/2 connection.
const STREAMS: u32 = 100;

/// The bytes of request bodies that an HTTP/2 connection accepts. Bodies are not read, so it is the
/// least that is allowed (RFC 9113, section 6.9.2).
const WINDOW: u32 = 65_535;

/// The limit of a request head for the HTTP library. It is higher than the server's own limit, so
/// that most requests over that get a response in the form of the API.
fn head_bytes(limits: &ConnectionLimits) -> usize {
    limits.header_bytes.saturating_mul(2).saturating_add(64 << 10)
}
