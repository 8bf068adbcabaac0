//! A listener: accepts connections, limits their number, and ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Version;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::answer::{Answer, fail};
use crate::server::connections::connection::{self, ConnectionSettings, Handler};
use crate::server::metrics::Connections;
use crate::server::reload::Replaceable;
use crate::server::{ConnectionLimits, error};

/// A bound address that accepts connections.
pub(in crate::server) struct Listener {
    socket: TcpListener,
    settings: ConnectionSettings,
}

impl Listener {
    pub(in crate::server) async fn bind(
        address: impl ToSocketAddrs,
        tls: Replaceable<Option<TlsAcceptor>>,
        limits: ConnectionLimits,
        response_timeout: Duration,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket, settings: ConnectionSettings { tls, limits, response_timeout } })
    }

    pub(in crate::server) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `shutdown`, and then finishes the requests in flight.
    pub(in crate::server) async fn run(
        self,
        handler: impl Handler,
        connections: Connections,
        shutdown: impl Future<Output = ()>,
    ) {
        let Self { socket, settings } = self;
        let grace = settings.response_timeout.saturating_add(SEND_TIME);
        let closing = CancellationToken::new();
        let mut open = OpenConnections::new(settings, handler, connections, closing.clone());
        tokio::select! {
            () = shutdown => {}
            () = async { loop { open.serve(accept(&socket).await) } } => {}
        }
        drop(socket);
        closing.cancel();
        let ended = async { while open.tasks.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            tracing::warn!("closed connections that did not end in time");
        }
    }
}

/// The time to send a response at shutdown, after the timeout of a call.
const SEND_TIME: Duration = Duration::from_secs(5);

/// Accepts the next connection.
async fn accept(socket: &TcpListener) -> TcpStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Most likely there is no file descriptor left. Some will be free soon.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The connections of a listener, each served by a task, and their limit.
struct OpenConnections<H> {
    settings: ConnectionSettings,
    handler: H,
    connections: Connections,
    closing: CancellationToken,
    slots: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl<H: Handler> OpenConnections<H> {
    fn new(
        settings: ConnectionSettings,
        handler: H,
        connections: Connections,
        closing: CancellationToken,
    ) -> Self {
        let slots =
            Arc::new(Semaphore::new(settings.limits.connections.min(Semaphore::MAX_PERMITS)));
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        Self { settings, handler, connections, closing, slots, refusals, tasks: JoinSet::new() }
    }

    /// Serves a connection within the limit. Over the limit, it responds with a refusal, or closes the
    /// connection if too many are being refused already.
    fn serve(&mut self, stream: TcpStream) {
        while self.tasks.try_join_next().is_some() {}
        let (settings, closing) = (self.settings.clone(), self.closing.child_token());
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            let (handler, open) = (self.handler.clone(), Open::new(self.connections.clone()));
            self.tasks.spawn(async move {
                connection::serve(stream, settings, handler, closing).await;
                drop((open, slot));
            });
            return;
        }
        self.connections.refused.inc();
        if let Ok(slot) = self.refusals.clone().try_acquire_owned() {
            let handler = Refuse { closing: closing.clone() };
            self.tasks.spawn(async move {
                connection::serve(stream, settings, handler, closing).await;
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

/// A handler that refuses one request, and then closes the connection.
#[derive(Clone)]
struct Refuse {
    closing: CancellationToken,
}

impl Handler for Refuse {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        self.closing.cancel();
        let mut answer = fail(error::too_many_connections(), request.method());
        if request.version() <= Version::HTTP_11 {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}
