//! Metrics of a server.

mod catalog;
mod exporter;

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::field;

use self::catalog::CatalogMetrics;
use crate::server::Answering;
use crate::server::connections::Peer;
use crate::stores::{SECONDS, StoreMetrics};
use crate::{CallError, Service};

pub use self::exporter::Exporter;

/// Metrics of a server, which Prometheus can read.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    request_duration: Histogram,
    call_failures: Family<CallFailed, Counter>,
    pub(super) connections: Connections,
}

/// Metrics of connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    pub(super) open: Gauge,
    pub(super) refused: Counter,
    requests: Family<Answered, Counter>,
}

impl Connections {
    /// Counts and logs a request that the server refuses before a handler gets it.
    pub(super) fn request_refused(
        &self,
        status: StatusCode,
        peer: Option<Peer>,
        reason: &dyn fmt::Display,
    ) {
        self.count(status);
        let peer = peer.map(|Peer(address)| field::display(address));
        tracing::info!(status = status.as_u16(), peer, %reason, "request refused");
    }

    fn count(&self, status: StatusCode) {
        self.requests.get_or_create(&Answered { status: status.as_u16() }).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallFailed {
    reason: &'static str,
}

impl Metrics {
    pub(super) fn new(answering: &Answering, store: &StoreMetrics) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("ccs_modules"),
            request_duration: Histogram::new(SECONDS),
            call_failures: Family::default(),
            connections: Connections::default(),
        };
        metrics.registered(answering, store)
    }

    fn registered(mut self, answering: &Answering, store: &StoreMetrics) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "http_requests",
            "Responses, by status",
            self.connections.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to its response",
            Unit::Seconds,
            self.request_duration.clone(),
        );
        registry.register("http_connections", "Open connections", self.connections.open.clone());
        registry.register(
            "http_connections_refused",
            "Connections refused, since they were over the limit",
            self.connections.refused.clone(),
        );
        registry.register(
            "call_failures",
            "Calls of the plugin that failed, by reason",
            self.call_failures.clone(),
        );

        store.register(registry);
        // These are read when the metrics are, since an instance or a catalog counts for itself.
        registry.register_collector(match answering {
            Answering::Component(service) => Box::new(InstanceStarts(service.clone())),
            Answering::Mirror(mirror) => Box::new(CatalogMetrics(mirror.clone())),
        });
        self
    }

    /// All metrics, as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(super) fn answered(&self, status: StatusCode, duration: Duration) {
        self.connections.count(status);
        self.request_duration.observe(duration.as_secs_f64());
    }

    pub(super) fn call_failed(&self, error: &CallError) {
        let reason = match error {
            CallError::Answered(_) | CallError::Host(_) => "host",
            CallError::MemoryExhausted(_) => "memory",
            CallError::TimedOut(_) => "time",
            CallError::Trapped(_) => "trap",
        };
        self.call_failures.get_or_create(&CallFailed { reason }).inc();
    }
}

/// The number of instances of the plugin that have been started.
struct InstanceStarts(Service);

impl Collector for InstanceStarts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let starts = ConstCounter::new(self.0.plugin().instances_started());
        starts.encode(encoder.encode_descriptor(
            "instance_starts",
            "Instances of the plugin that have been started",
            None,
            MetricType::Counter,
        )?)
    }
}

impl fmt::Debug for InstanceStarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceStarts")
    }
}
