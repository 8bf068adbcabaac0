//! Metrics of a server.

mod catalog;
mod exporter;
mod store;

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::field;

use self::catalog::{CatalogMetrics, MirrorFetches};
use crate::server::Answering;
use crate::server::connections::Peer;
use crate::{CallError, Plugin, Standalone};

pub(super) use self::catalog::KeptCatalog;
pub use self::exporter::Exporter;
pub(super) use self::store::MeasuredStore;

/// Metrics of a server, which Prometheus can read.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    request_duration: Histogram,
    call_failures: Family<CallFailed, Counter>,
    store_duration: Histogram,
    store_failures: Family<StoreFailed, Counter>,
    pub(super) connections: Connections,
    pub(super) kept_catalog: KeptCatalog,
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
        why: &dyn fmt::Display,
    ) {
        self.count(status);
        let peer = peer.map(|Peer(address)| field::display(address));
        tracing::info!(status = status.as_u16(), peer, %why, "request refused");
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreFailed {
    reason: StoreFailure,
}

/// The kind of a failure of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StoreFailure {
    Denied,
    /// The caller stopped waiting: a timeout, or a client that has disconnected.
    NoAnswer,
    Other,
    TooLong,
    Unavailable,
}

impl StoreFailure {
    /// The name of the kind, in metrics and traces.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NoAnswer => "no_answer",
            Self::Other => "other",
            Self::TooLong => "too_long",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Metrics {
    pub(super) fn new(plugin: &Plugin, answering: &Answering) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("ccs_modules"),
            request_duration: Histogram::new(SECONDS),
            call_failures: Family::default(),
            store_duration: Histogram::new(SECONDS),
            store_failures: Family::default(),
            connections: Connections::default(),
            kept_catalog: KeptCatalog::default(),
        };
        metrics.registered(plugin, answering)
    }

    fn registered(mut self, plugin: &Plugin, answering: &Answering) -> Self {
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
        registry.register_with_unit(
            "store_duration",
            "Time that the store took to answer",
            Unit::Seconds,
            self.store_duration.clone(),
        );
        registry.register(
            "store_failures",
            "Calls of the store that failed, by reason",
            self.store_failures.clone(),
        );
        registry.register_collector(Box::new(InstanceStarts(plugin.clone())));
        if let Some(standalone) = answering.standalone() {
            registry.register_collector(Box::new(SnapshotOpenings(standalone.clone())));
            registry.register_collector(Box::new(CatalogMetrics::Kept(self.kept_catalog.clone())));
        }
        if let Some(mirror) = answering.mirror() {
            registry.register_with_unit(
                "upstream_duration",
                "Time that the cluster took to respond",
                Unit::Seconds,
                mirror.upstream_duration(),
            );
            registry.register_collector(Box::new(MirrorFetches(mirror.clone())));
            registry.register_collector(Box::new(CatalogMetrics::Mirrored(mirror.clone())));
        }
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

    pub(super) fn store_answered(&self, duration: Duration) {
        self.store_duration.observe(duration.as_secs_f64());
    }

    pub(super) fn store_failed(&self, reason: StoreFailure) {
        self.store_failures.get_or_create(&StoreFailed { reason }).inc();
    }
}

/// The upper limits of the buckets of a duration, in seconds.
const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

impl EncodeLabelValue for StoreFailure {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// The number of instances of the plugin that have been started.
struct InstanceStarts(Plugin);

impl Collector for InstanceStarts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let starts = ConstCounter::new(self.0.instances_started());
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

/// The number of snapshots that instances have opened.
#[derive(Debug)]
struct SnapshotOpenings(Standalone);

impl Collector for SnapshotOpenings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let openings = ConstCounter::new(self.0.opened());
        openings.encode(encoder.encode_descriptor(
            "snapshot_openings",
            "Snapshots that have been opened, each in an instance that holds it",
            None,
            MetricType::Counter,
        )?)
    }
}
