//! A listener: accepts connections, limits their number, and ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
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
}

impl Listener {
    pub(in crate::server) async fn bind(
        address: impl ToSocketAddrs,
        tls: Replaceable<Option<TlsAcceptor>>,
        limits: ConnectionLimits,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket, tls, limits })
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
        let Self { socket, tls, limits } = self;
        let closing = CancellationToken::new();
        let service =
            Service { tls, limits, handler, metrics, closing: closing.clone(), refuses: false };
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = shutdown => {}
            () = serve(&socket, &service, &mut tasks) => {}
        }

        drop(socket);
        closing.cancel();
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout(limits.request_timeout.saturating_add(SEND_TIME), ended).await.is_err() {
            tracing::warn!("closed connections that did not end in time");
        }
    }
}

/// The time to send a response at shutdown, after the timeout of a request.
const SEND_TIME: Duration = Duration::from_secs(2);

/// Accepts connections, and serves each by a task. Over the limit it refuses a request of each, or closes
/// the connection if too many are being refused already.
async fn serve<H: Handler>(socket: &TcpListener, service: &Service<H>, tasks: &mut JoinSet<()>) {
    let slots = service.limits.connections.min(Semaphore::MAX_PERMITS);
    let (slots, refusals) = (Arc::new(Semaphore::new(slots)), Arc::new(Semaphore::new(REFUSALS)));
    let mut warned: Option<Instant> = None;
    loop {
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            // Most likely there is no file descriptor left. Some will be free soon.
            Err(error) => {
                if warned.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
                    warned = Some(Instant::now());
                    tracing::warn!(reason = %error, "cannot accept connections");
                }
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        while tasks.try_join_next().is_some() {}
        let mut service = service.clone();
        service.closing = service.closing.child_token();

        let mut slot = slots.clone().try_acquire_owned();
        service.refuses = slot.is_err();
        if service.refuses {
            service.metrics.refused.inc();
            slot = refusals.clone().try_acquire_owned();
        }
        let Ok(slot) = slot else { continue };
        let open = (!service.refuses).then(|| Open::new(service.metrics.clone()));
        tasks.spawn(async move {
            service.serve(stream).await;
            drop((open, slot));
        });
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
