//! The HTTP server of the plugin.
//!
//! It authenticates the client by an access policy, passes the request to the plugin, and sends the
//! plugin's response back. It responds itself to a request over a limit, to one whose call fails, to
//! the probes `/healthz` and `/readyz`, and to those for the files of a page, if it has one.
//!
//! ```no_run
//! use ccs_modules_host::server::{Server, Settings};
//! use ccs_modules_host::{CallLimits, Plugin, artifacts, stores};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default())?;
//! let access = ccs_modules::access::Policy::parse(br#"{"anonymous":["db_viewer"]}"#)?;
//! let settings = Settings { access: Some(access), ..Settings::default() };
//! let server = Server::bind("127.0.0.1:8080", &plugin, stores::demo(), settings).await?;
//! server.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod answering;
mod api;
mod connections;
mod content;
mod error;
mod in_flight;
mod metrics;
mod page;
mod readiness;
mod reload;
mod request_span;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ccs_modules::access::Policy;
use tokio::net::ToSocketAddrs;

use self::answering::Answerer;
use self::api::Api;
use self::connections::Listener;
use self::in_flight::InFlight;
use self::metrics::MeasuredStore;
use self::readiness::Readiness;
use crate::traces::Traces;
use crate::{Ccs, Plugin};

pub use self::answering::{Answering, KeptSettings};
pub use self::connections::{ConnectionLimits, Tls, TlsError};
pub use self::metrics::{Exporter, Metrics};
pub use self::page::{PageError, PageFiles};
pub use self::reload::Reload;

/// The settings of a server.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The access policy. Without a policy, no client is authenticated.
    pub access: Option<Policy>,
    /// How requests are answered.
    pub answering: Answering,
    /// The limits of connections.
    pub limits: ConnectionLimits,
    /// The page that is offered at `/`, for callers who may see the modules.
    pub page: Option<PageFiles>,
    /// The certificate. Without one, the server speaks plain HTTP.
    pub tls: Option<Tls>,
    /// The traces of requests, if they have some.
    pub traces: Option<Traces>,
}

/// An HTTP server of the plugin over one store: HTTP/1.1 and HTTP/2, with or without TLS.
pub struct Server {
    listener: Listener,
    api: Arc<Api>,
    metrics: Arc<Metrics>,
    reload: Reload,
}

impl Server {
    /// Binds the address, the first one where a name has several; port 0 takes any that is free.
    /// Connections wait until the server runs.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(
        address: impl ToSocketAddrs,
        plugin: &Plugin,
        ccs: impl Ccs + 'static,
        settings: Settings,
    ) -> io::Result<Self> {
        let Settings { access, answering, limits, page, tls, traces } = settings;
        let reload = Reload::new(access, tls.as_ref());
        let timeout = plugin.call_limits().timeout;
        let listener = Listener::bind(address, reload.tls.clone(), limits, timeout).await?;
        let metrics = Arc::new(Metrics::new(plugin, &answering));
        let ccs: Arc<dyn Ccs> = Arc::new(MeasuredStore::new(ccs, metrics.clone()));
        let answerer = Answerer::new(plugin, ccs.clone(), answering, &metrics);
        let api = Api {
            access: reload.access.clone(),
            answerer,
            header_bytes: limits.header_bytes,
            in_flight: InFlight::new(limits.in_flight_bytes),
            metrics: metrics.clone(),
            page,
            readiness: Readiness::new(ccs, plugin.call_limits().store_timeout),
            scheme: if tls.is_some() { "https" } else { "http" },
            told_of_no_policy: AtomicBool::new(false),
            traces,
        };
        Ok(Self { listener, api: Arc::new(api), metrics, reload })
    }

    /// The address that the server is bound to.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell it.
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
    /// requests in flight within the timeout of a call and two seconds more.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = self.metrics.connections.clone();
        self.listener.run(self.api, connections, shutdown).await;
    }
}
