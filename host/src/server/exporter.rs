//! The metrics, on an address of their own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;

use crate::server::connection::Handler;
use crate::server::listener::Listener;
use crate::server::metrics::Connections;
use crate::server::page::page;
use crate::server::refusal::{Answer, Refusal};
use crate::server::{Limits, Metrics};

/// Answers `GET /metrics` with what a server counts. Nobody is asked who they are: its address is
/// for those who may know.
pub struct Exporter {
    listener: Listener,
    metrics: Arc<Metrics>,
}

impl Exporter {
    /// Takes the address; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// Where the address cannot be had.
    pub async fn bind(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<Self> {
        let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
        let listener = Listener::bind(address, None, limits, Duration::ZERO).await?;
        Ok(Self { listener, metrics })
    }

    /// The address it is on.
    ///
    /// # Errors
    ///
    /// Where the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until `shutdown` is ready.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        self.listener.run(self.metrics, Connections::default(), shutdown).await;
    }
}

/// More than anybody needs who collects metrics.
const CONNECTIONS: usize = 64;

impl Handler for Arc<Metrics> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        let method = request.method();
        match request.uri().path() {
            "/metrics" => page(method, OPEN_METRICS, self.text()),
            _ => Refusal::NotFound.answer(method),
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
