//! A store whose answers are measured.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ccs_modules::upstream::Node;
use opentelemetry::trace::SpanBuilder;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::file_metrics::FileMetrics;
use crate::traces::Span;
use crate::{Ccs, CcsError};

/// Metrics of a store. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct StoreMetrics {
    duration: Histogram,
    failures: Family<Failed, Counter>,
    node_failures: Family<NodeFailed, Counter>,
    files: FileMetrics,
}

/// The upper limits of the buckets of a duration, in seconds.
pub(crate) const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    reason: StoreFailure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NodeFailed {
    node: String,
}

/// The kind of a failure of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StoreFailure {
    Denied,
    /// No answer in time, or the client has disconnected before there was one.
    NoAnswer,
    Other,
    TooLong,
    Unavailable,
}

impl StoreMetrics {
    /// Makes the metrics of a store that counts its own files here.
    pub(crate) fn new(files: FileMetrics) -> Self {
        let (failures, node_failures) = (Family::default(), Family::default());
        Self { duration: Histogram::new(SECONDS), failures, node_failures, files }
    }

    /// The metrics of the files of the store, and of those of its server.
    pub(crate) fn files(&self) -> &FileMetrics {
        &self.files
    }

    /// Adds the metrics to those that are exported.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "store_duration",
            "Time that the store took to answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "store_failures",
            "Calls of the store that failed, by reason",
            self.failures.clone(),
        );
        registry.register(
            "mirror_node_failures",
            "Fetches from a node of a cluster that failed, by node",
            self.node_failures.clone(),
        );
        self.files.register(registry);
    }

    /// Counts an answer, or the time until the caller stopped waiting for one.
    pub(crate) fn answered(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, reason: StoreFailure) {
        self.failures.get_or_create(&Failed { reason }).inc();
    }

    /// Counts this many failures of a node of a cluster. With 0 the node is known before it fails.
    pub(crate) fn node_failed(&self, node: &Node, failures: u64) {
        let node = node.to_string();
        self.node_failures.get_or_create(&NodeFailed { node }).inc_by(failures);
    }
}

impl StoreFailure {
    pub(crate) fn of(error: &CcsError) -> Self {
        match error {
            CcsError::Denied(_) => Self::Denied,
            CcsError::TooLong(_) => Self::TooLong,
            CcsError::Unavailable(_) => Self::Unavailable,
            _ => Self::Other,
        }
    }

    /// The name of the kind, in metrics and traces.
    fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NoAnswer => "no_answer",
            Self::Other => "other",
            Self::TooLong => "too_long",
            Self::Unavailable => "unavailable",
        }
    }
}

impl EncodeLabelValue for StoreFailure {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// A store whose answers are measured. Within the span of a request, each answer has a span.
pub(crate) struct MeasuredStore {
    ccs: Arc<dyn Ccs>,
    metrics: StoreMetrics,
}

impl MeasuredStore {
    pub(crate) fn new(ccs: Arc<dyn Ccs>, metrics: StoreMetrics) -> Self {
        Self { ccs, metrics }
    }

    async fn measure<T>(
        &self,
        function: &'static str,
        answer: impl Future<Output = Result<T, CcsError>>,
    ) -> Result<T, CcsError> {
        let mut measurement = Measurement::start(&self.metrics, function);
        let answer = measurement.span.run(answer).await;
        measurement.failure =
            answer.as_ref().err().map(|error| (StoreFailure::of(error), error.reason().into()));
        answer
    }
}

#[async_trait]
impl Ccs for MeasuredStore {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        self.measure("ccs list-documents", self.ccs.list_documents()).await
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.measure("ccs get-document", self.ccs.get_document(uid)).await
    }

    fn name(&self) -> String {
        self.ccs.name()
    }
}

/// Records the result of a call of the store, even if the caller stops waiting for it.
struct Measurement<'a> {
    metrics: &'a StoreMetrics,
    started: Instant,
    span: Span,
    failure: Option<(StoreFailure, String)>,
}

impl<'a> Measurement<'a> {
    fn start(metrics: &'a StoreMetrics, function: &'static str) -> Self {
        let failure = Some((
            StoreFailure::NoAnswer,
            "no answer in time, or the client has disconnected".to_owned(),
        ));
        let span = Span::child(|| SpanBuilder::from_name(function));
        Self { metrics, started: Instant::now(), span, failure }
    }
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        self.metrics.answered(self.started.elapsed());
        if let Some((failure, error)) = &self.failure {
            self.metrics.failed(*failure);
            self.span.fail(failure.as_str(), error.clone());
            // The request that asked is logged with this cause.
            tracing::debug!(reason = %error, "the store failed");
        }
    }
}
