//! The collector of traces.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::upstream::Node;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use opentelemetry_http::HttpError;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::file_metrics::FileMetrics;
use crate::net::HttpClient;
use crate::net::tls::{Connector, TlsFiles};

/// The URL of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorUrl(Node);

/// The error for a text that is not the URL of a collector. It does not repeat the text, which may
/// contain a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "expected a URL such as http://127.0.0.1:4318, without credentials, a query and a fragment; a \
     token belongs into the variable OTEL_EXPORTER_OTLP_HEADERS"
)]
pub struct CollectorUrlError;

impl CollectorUrl {
    /// The URL that traces are sent to.
    pub(super) fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl FromStr for CollectorUrl {
    type Err = CollectorUrlError;

    fn from_str(text: &str) -> Result<Self, CollectorUrlError> {
        Node::parse(text).map(Self).map_err(|_| CollectorUrlError)
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The connection to a collector.
#[derive(Clone)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// Spans are sent by a thread of OpenTelemetry's, which has no runtime.
    runtime: Handle,
}

struct Shared {
    collector: CollectorUrl,
    client: HttpClient,
    /// Whether the last request failed.
    failing: AtomicBool,
}

impl Connection {
    pub(super) fn new(collector: CollectorUrl) -> Self {
        let ca = std::env::var_os("OTEL_EXPORTER_OTLP_CERTIFICATE").filter(|path| !path.is_empty());
        let files = TlsFiles { ca: ca.map(PathBuf::from), pair: None };
        let client = HttpClient::new(Connector::new(files, FileMetrics::default()));
        let shared = Shared { collector, client, failing: AtomicBool::new(false) };
        Self { shared: Arc::new(shared), runtime: Handle::current() }
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for Connection {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let shared = self.shared.clone();
        self.runtime.spawn(async move { shared.send(request).await }).await?
    }
}

impl Shared {
    /// Sends spans. A failure is logged once, and so is its end.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.client.send(request.map(Full::new), RESPONSE_BYTES, TIMEOUT).await;
        let failure = match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answered {}", response.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        let collector = &self.collector;
        match failure {
            Some(reason) if !failed_before => {
                tracing::warn!(%collector, reason, "the collector of traces fails; spans are lost");
            }
            None if failed_before => tracing::info!(%collector, "the collector takes traces again"),
            _ => {}
        }
        Ok(response?.map(Bytes::from))
    }
}

/// The bytes of a response that are read. The responses of a collector are short.
const RESPONSE_BYTES: usize = 64 << 10;

/// The time for one request, which is OTLP's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Shows the collector. The header fields of its requests may contain a token.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.shared.collector).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_url_without_a_secret() {
        for (text, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://Collector.example/otlp/", "https://collector.example/otlp/v1/traces"),
        ] {
            assert_eq!(text.parse::<CollectorUrl>().unwrap().traces(), traces);
        }
        for text in ["", "127.0.0.1:4318", "grpc://a:4317", "http://a:secret@b", "http://a?secret"]
        {
            let error = text.parse::<CollectorUrl>().unwrap_err().to_string();
            assert!(error.starts_with("expected a URL") && !error.contains("secret@"), "{error}");
        }
    }
}
