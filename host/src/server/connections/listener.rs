//! A listener: accepts connections, limits their number, and ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::ConnectionLimits;
use crate::server::connections::connection::{Handler, Service};
use crate::server::metrics::Connections;
use crate::server::reload::Replaceable;

/// A bound address that accepts connections.
pub(in crate::server) struct Listener {
    socket: TcpListener,
    tls: Replaceable<Option<TlsAcceptor>>,
    limits: ConnectionLimits,
    /// The time until the response to a request.
    response_timeout: Duration,
}

impl Listener {
    pub(in crate::server) async fn bind(
        address: impl ToSocketAddrs,
        tls: Replaceable<Option<TlsAcceptor>>,
        limits: ConnectionLimits,
        response_timeout: Duration,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket, tls, limits, response_timeout })
    }

    pub(in crate::server) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `shutdown`, and then finishes the requests in flight.
    pub(in crate::server) async fn run(
        self,
        handler: impl Handler,
        metrics: Connections,
        shutdown: impl Future<Output = ()>,
    ) {
        let Self { socket, tls, limits, response_timeout } = self;
        let closing = CancellationToken::new();
        let mut connections = OpenConnections {
            slots: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            tasks: JoinSet::new(),
            service: Service {
                tls,
                http: http(&limits),
                client_timeout: limits.client_timeout,
                handler,
                metrics,
                closing: closing.clone(),
                refuses: false,
            },
        };
        tokio::select! {
            () = shutdown => {}
            () = connections.accept(&socket) => {}
        }

        drop(socket);
        closing.cancel();
        let ended = async { while connections.tasks.join_next().await.is_some() {} };
        if timeout(response_timeout.saturating_add(SEND_TIME), ended).await.is_err() {
            tracing::warn!("closed connections that did not end in time");
        }
    }
}

/// The time to send a response at shutdown, after the timeout of a call.
const SEND_TIME: Duration = Duration::from_secs(2);

/// The connections of a listener, each served by a task, and their limit.
struct OpenConnections<H> {
    slots: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: JoinSet<()>,
    service: Service<H>,
}

impl<H: Handler> OpenConnections<H> {
    /// Accepts connections for ever.
    async fn accept(&mut self, socket: &TcpListener) {
        let mut warned: Option<Instant> = None;
        loop {
            match socket.accept().await {
                Ok((stream, _)) => self.serve(stream),
                Err(error) => {
                    if warned.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
                        warned = Some(Instant::now());
                        tracing::warn!(%error, "cannot accept connections");
                    }
                    // Most likely there is no file descriptor left. Some will be free soon.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Serves a connection within the limit. Over the limit, it responds with a refusal, or closes the
    /// connection if too many are being refused already.
    fn serve(&mut self, stream: TcpStream) {
        while self.tasks.try_join_next().is_some() {}
        let mut service = self.service.clone();
        service.closing = service.closing.child_token();

        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            let open = Open::new(service.metrics.clone());
            self.tasks.spawn(async move {
                service.serve(stream).await;
                drop((open, slot));
            });
            return;
        }

        service.metrics.refused.inc();
        if let Ok(slot) = self.refusals.clone().try_acquire_owned() {
            service.refuses = true;
            self.tasks.spawn(async move {
                service.serve(stream).await;
                drop(slot);
            });
        }
    }
}

/// The number of connections that are refused with a response at a time.
const REFUSALS: usize = 64;

/// Counts a connection as open as long as this lives.
struct Open(Connections);

impl Open {
    fn new(connections: Connections) -> Self {
        connections.open.inc();
        Self(connections)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.dec();
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
