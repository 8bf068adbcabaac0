//! The exporter of metrics.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ccs_modules::rest::ErrorResponse;
use hyper::body::Incoming;
use tokio::net::ToSocketAddrs;

use crate::server::answer::{Answer, fail};
use crate::server::connections::Handler;
use crate::server::connections::Listener;
use crate::server::content::content;
use crate::server::metrics::Connections;
use crate::server::reload::Replaceable;
use crate::server::{ConnectionLimits, Metrics};

/// A server that responds to `GET /metrics` with the metrics of another server. It does not
/// authenticate its clients, so its address must be reachable for those only who may read metrics.
pub struct Exporter {
    listener: Listener,
    metrics: Arc<Metrics>,
}

impl Exporter {
    /// Binds the address, the first one if a name has several; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(address: impl ToSocketAddrs, metrics: Arc<Metrics>) -> io::Result<Self> {
        let limits = ConnectionLimits {
            connections: CONNECTIONS,
            request_timeout: Duration::ZERO,
            ..ConnectionLimits::default()
        };
        let listener = Listener::bind(address, Replaceable::new(None), limits).await?;
        Ok(Self { listener, metrics })
    }

    /// The address that the exporter is bound to.
    ///
    /// # Errors
    ///
    /// When the operating system does not return it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until `shutdown` is ready.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        self.listener.run(self.metrics, Connections::default(), shutdown).await;
    }
}

/// The number of connections at a time, more than a collector of metrics needs.
const CONNECTIONS: usize = 64;

impl Handler for Arc<Metrics> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        let method = request.method();
        match request.uri().path() {
            "/metrics" => content(method, OPEN_METRICS, self.text()),
            _ => fail(ErrorResponse::not_found(), method),
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
