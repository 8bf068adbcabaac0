//! A store whose answers are measured.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use opentelemetry::trace::SpanBuilder;

use crate::server::Metrics;
use crate::server::metrics::StoreFailure;
use crate::traces::Span;
use crate::{Ccs, CcsError};

/// A store that measures how long its answers take, and counts its failures. Within the span of a
/// request, each answer has a span.
pub(in crate::server) struct MeasuredStore<C> {
    ccs: C,
    metrics: Arc<Metrics>,
}

impl<C: Ccs> MeasuredStore<C> {
    pub(in crate::server) fn new(ccs: C, metrics: Arc<Metrics>) -> Self {
        Self { ccs, metrics }
    }

    async fn measure<T>(
        &self,
        function: &'static str,
        answer: impl Future<Output = Result<T, CcsError>>,
    ) -> Result<T, CcsError> {
        let mut measurement = Measurement::start(&self.metrics, function);
        let answer = measurement.span.run(answer).await;
        measurement.failure = answer.as_ref().err().map(failure);
        answer
    }
}

#[async_trait]
impl<C: Ccs> Ccs for MeasuredStore<C> {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        self.measure("ccs list-documents", self.ccs.list_documents()).await
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.measure("ccs get-document", self.ccs.get_document(uid)).await
    }

    async fn version(&self) -> Result<Option<u64>, CcsError> {
        self.measure("ccs version", self.ccs.version()).await
    }

    fn name(&self) -> String {
        self.ccs.name()
    }
}

/// Records the result of a call of the store, even if the caller stops waiting for it.
struct Measurement<'a> {
    metrics: &'a Metrics,
    started: Instant,
    span: Span,
    failure: Option<(StoreFailure, String)>,
}

impl<'a> Measurement<'a> {
    fn start(metrics: &'a Metrics, function: &'static str) -> Self {
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
        self.metrics.store_answered(self.started.elapsed());
        if let Some((failure, error)) = &self.failure {
            self.metrics.store_failed(*failure);
            self.span.fail(failure.as_str(), error.clone());
            // The request that asked is logged with this cause.
            tracing::debug!(%error, "the store failed");
        }
    }
}

fn failure(error: &CcsError) -> (StoreFailure, String) {
    let kind = match error {
        CcsError::Denied(_) => StoreFailure::Denied,
        CcsError::TooLong(_) => StoreFailure::TooLong,
        CcsError::Unavailable(_) => StoreFailure::Unavailable,
        _ => StoreFailure::Other,
    };
    (kind, error.reason().into())
}
