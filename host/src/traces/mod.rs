//! Traces of a program, which are sent to an OpenTelemetry collector over OTLP.
//!
//! A request of a client has a span. While that runs, a read of the store has a span within it, and
//! so has each request to a cluster. A program without traces makes no span.

mod collector;
mod span;

use std::fmt;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_semantic_conventions::attribute::{SERVICE_NAME, SERVICE_VERSION};
use thiserror::Error;
use tokio::task::spawn_blocking;

use self::collector::Connection;

pub use self::collector::{CollectorUrl, CollectorUrlError};
pub(crate) use self::span::Span;

/// The traces of a program, on their way to a collector. Clones share them.
#[derive(Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The error for traces that cannot be sent with the settings of the environment.
#[derive(Debug, Error)]
#[error("cannot send traces: {0}")]
pub struct TracesError(String);

impl Traces {
    /// Starts to send spans to a collector, in batches, on the current tokio runtime. A collector that
    /// fails is logged once, and disturbs nothing.
    ///
    /// The variables of OpenTelemetry's own count, such as `OTEL_SERVICE_NAME`,
    /// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_SCHEDULE_DELAY` and
    /// `OTEL_EXPORTER_OTLP_HEADERS`, which may contain a token.
    ///
    /// # Errors
    ///
    /// If such a variable asks for something that is not supported.
    pub fn start(collector: &CollectorUrl) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Connection::new(collector.clone()))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.traces())
            .build()
            .map_err(|error| TracesError(error.to_string()))?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
        Ok(Self { provider, tracer })
    }

    /// Sends the spans that have ended, and begins no others.
    pub async fn stop(self) {
        let stopping = spawn_blocking(move || self.provider.shutdown_with_timeout(STOP_TIME)).await;
        if !matches!(stopping, Ok(Ok(()))) {
            tracing::warn!("the last spans were not sent");
        }
    }
}

/// Shows nothing: what the exporter has may contain a token.
impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

/// The time to send the last spans.
const STOP_TIME: Duration = Duration::from_secs(2);

/// The service that the spans are of, as the environment describes it.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let name = found.get(&Key::from_static_str(SERVICE_NAME)).map(|name| name.to_string());
    let builder = Resource::builder_empty()
        .with_attribute(KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION")))
        .with_attributes(
            found.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
        );
    match name {
        Some(name) if !name.starts_with("unknown_service") => builder.build(),
        _ => builder.with_service_name("ccs-modules").build(),
    }
}
