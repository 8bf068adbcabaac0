//! The HTTP server.
//!
//! It authenticates the client by an access policy, and has the request answered from memory, by a mirror of
//! the store, or by a new instance of the plugin over the store. It responds itself to a request over a limit,
//! to one whose call fails, to the probes `/healthz` and `/readyz`, to that for `/openapi.json`, and to those for
//! the files of a page, if it has one.
//!
//! ```no_run
//! use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
//! use ccs_modules_host::server::{Server, Settings};
//! use ccs_modules_host::stores;
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let source = Source::store(stores::File::new("modules.json"));
//! let mirror = StoreMirror::start(source, MirrorSettings::default()).await?;
//! let access = ccs_modules::access::Policy::parse(br#"{"anonymous":["db_viewer"]}"#)?;
//! let settings = Settings { access: Some(access.into()), ..Settings::default() };
//! let server = Server::bind("127.0.0.1:8080", mirror, settings).await?;
//! server.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod answering;
mod api;
mod authenticator;
mod connections;
mod content;
mod error;
mod in_flight;
mod metrics;
mod page;
mod reload;
mod request_span;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::net::ToSocketAddrs;

use self::answering::Readiness;
use self::api::Api;
use self::connections::Listener;
use self::in_flight::InFlight;
use crate::traces::Traces;

pub use self::answering::Answering;
pub use self::authenticator::{Authenticator, ClusterLogins};
pub use self::connections::{ClientCa, ConnectionLimits, Tls};
pub use self::metrics::{Exporter, Metrics};
pub use self::page::{PageError, PageFiles};
pub use self::reload::Reload;
pub use crate::net::TlsError;

/// The settings of a server.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How the senders of requests are found. Without this, no client is authenticated.
    pub access: Option<Authenticator>,
    /// The authorities of the certificates that clients may show over TLS. Without them, no client is asked for
    /// one.
    pub client_ca: Option<ClientCa>,
    /// The limits of connections.
    pub limits: ConnectionLimits,
    /// The page that is offered at `/`, for callers who may see the modules.
    pub page: Option<PageFiles>,
    /// The certificate. Without one, the server speaks plain HTTP.
    pub tls: Option<Tls>,
    /// The traces of requests, if they have some.
    pub traces: Option<Traces>,
}

/// An HTTP server over one store: HTTP/1.1 and HTTP/2, with or without TLS.
pub struct Server {
    listener: Listener,
    api: Arc<Api>,
    metrics: Arc<Metrics>,
    reload: Reload,
}

impl Server {
    /// Binds the address, the first one if a name has several; port 0 takes any that is free.
    /// Connections wait until the server runs.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(
        address: impl ToSocketAddrs,
        answering: impl Into<Answering>,
        settings: Settings,
    ) -> io::Result<Self> {
        let Settings { access, client_ca, limits, page, tls, traces } = settings;
        let (answering, store) = answering.into().measured();
        let metrics = Arc::new(Metrics::new(&answering, &store));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let reload = Reload::new(access, tls, client_ca, store.files().clone());
        let listener = Listener::bind(address, reload.tls.clone(), limits).await?;

        let api = Api {
            access: reload.access.clone(),
            readiness: Readiness::new(answering.clone()),
            answering,
            header_bytes: limits.header_bytes,
            in_flight: InFlight::new(limits.in_flight_bytes),
            metrics: metrics.clone(),
            page,
            request_timeout: limits.request_timeout,
            scheme,
            told_of_no_policy: AtomicBool::new(false),
            traces,
        };
        Ok(Self { listener, api: Arc::new(api), metrics, reload })
    }

    /// The address that the server is bound to.
    ///
    /// # Errors
    ///
    /// When the operating system does not return it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// The metrics of the server, for an [`Exporter`].
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// The settings that can be replaced while the server runs.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Serves until `shutdown` is ready. Then it accepts no further connection, and finishes the
    /// requests in flight within their timeout and two seconds more.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = self.metrics.connections.clone();
        self.listener.run(self.api, connections, shutdown).await;
    }
}
