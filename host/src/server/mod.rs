//! The server: the plugin on a network.
//!
//! It finds out who is calling by an access policy, hands the request to the plugin, and sends back
//! what the plugin answers. Its own answers are for what does not get that far: a limit, a call
//! without an answer, and the two probes, `/healthz` and `/readyz`.
//!
//! ```no_run
//! use ccs_modules_host::server::{Server, Settings};
//! use ccs_modules_host::{Bounds, Host, artifacts, stores};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::load(&artifacts::PLUGIN.wasm, Bounds::default())?;
//! let access = ccs_modules::access::Policy::parse(br#"{"anonymous":["db_viewer"]}"#)?;
//! let settings = Settings { access: Some(access), ..Settings::default() };
//! let server = Server::bind("127.0.0.1:8080".parse()?, &host, stores::demo(), settings).await?;
//! server.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod connection;
mod exporter;
mod in_flight;
mod instances;
mod limits;
mod listener;
mod metrics;
mod observed;
mod page;
mod protocol;
mod readiness;
mod refusal;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ccs_modules::access::Policy;

use self::api::Api;
use self::in_flight::InFlight;
use self::instances::Plugin;
use self::listener::Listener;
use self::observed::Observed;
use self::readiness::Readiness;
use crate::{Ccs, Host};

pub use self::exporter::Exporter;
pub use self::instances::Instances;
pub use self::limits::Limits;
pub use self::metrics::Metrics;
pub use self::tls::{Tls, TlsError};

/// How a server serves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How to find out who is calling. Without a policy nobody is authenticated.
    pub access: Option<Policy>,
    /// Which instance answers a request.
    pub instances: Instances,
    /// What clients may use.
    pub limits: Limits,
    /// The certificate; without one, the server speaks plain HTTP.
    pub tls: Option<Tls>,
}

/// The plugin over one store, on one address: HTTP/1.1 and HTTP/2, with or without TLS.
pub struct Server {
    listener: Listener,
    api: Arc<Api>,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Takes the address; port 0 takes any that is free. Connections wait until the server runs.
    ///
    /// # Errors
    ///
    /// Where the address cannot be had.
    pub async fn bind(
        address: SocketAddr,
        host: &Host,
        ccs: impl Ccs + 'static,
        settings: Settings,
    ) -> io::Result<Self> {
        let Settings { access, instances, limits, tls } = settings;
        let listener = Listener::bind(address, tls, limits, host.bounds().time).await?;
        let metrics = Arc::new(Metrics::new(host));
        let ccs: Arc<dyn Ccs> = Arc::new(Observed::new(ccs, metrics.clone()));
        let plugin = Plugin::new(host.service(ccs.clone()), instances, host.bounds());
        let api = Api {
            access,
            header_bytes: limits.header_bytes,
            in_flight: InFlight::new(limits.in_flight_bytes),
            metrics: metrics.clone(),
            plugin,
            readiness: Readiness::new(ccs, host.bounds().store_time),
        };
        Ok(Self { listener, api: Arc::new(api), metrics })
    }

    /// The address it is on.
    ///
    /// # Errors
    ///
    /// Where the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// What it counts, for an [`Exporter`].
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// Serves until `shutdown` is ready. Then it takes no further connection, and requests in
    /// flight are answered: for as long as a call may take, and a little longer.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = self.metrics.connections.clone();
        self.listener.run(self.api, connections, shutdown).await;
    }
}

/// What a request in flight gets at shutdown, on top of what a call may take: to be sent.
const LAST_WORDS: Duration = Duration::from_secs(5);
