//! An OpenTelemetry collector that keeps the spans it is sent.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::support::serving::any_port;

/// A collector on a port of its own. It ends when this is dropped.
pub struct Collector {
    url: String,
    taken: Arc<Taken>,
    _running: JoinSet<()>,
}

struct Taken {
    status: AtomicU16,
    requests: Mutex<Vec<ExportTraceServiceRequest>>,
    /// The field `authorization` of the last request.
    authorization: Mutex<Option<String>>,
}

impl Collector {
    pub async fn start() -> Self {
        Self::over(None).await
    }

    /// A collector over TLS.
    pub async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::over(Some(tls)).await
    }

    async fn over(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Taken {
            status: AtomicU16::new(200),
            requests: Mutex::default(),
            authorization: Mutex::default(),
        });
        let (mut running, told) = (JoinSet::new(), taken.clone());
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (taken, tls) = (told.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => taken.serve(stream).await,
                        Some(tls) => taken.serve(tls.accept(stream).await.unwrap()).await,
                    }
                });
            }
        });
        Self { url, taken, _running: running }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.taken.status.store(status, Ordering::Relaxed);
    }

    /// Waits for so many requests. The time is only for requests that never come.
    pub async fn requested(&self, times: usize) {
        let waiting = async {
            while self.taken.requests().len() < times {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), waiting).await.expect("spans are sent");
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.taken.requests();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The one span with this name.
    pub fn span(&self, name: &str) -> Span {
        let spans = self.spans();
        let mut found = spans.iter().filter(|span| span.name == name);
        match (found.next(), found.next()) {
            (Some(span), None) => span.clone(),
            _ => panic!("not one span {name} in {spans:#?}"),
        }
    }

    /// The service that sent the first spans.
    pub fn resource(&self) -> Resource {
        let requests = self.taken.requests();
        requests[0].resource_spans[0].resource.clone().unwrap()
    }

    /// The field `authorization` of the last request.
    pub fn authorization(&self) -> Option<String> {
        self.taken.authorization.lock().unwrap().clone()
    }

    /// The bytes of everything that was sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.taken.requests().iter().flat_map(|request| request.encode_to_vec()).collect()
    }
}

impl Taken {
    async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let take = service_fn(|request| self.clone().take(request));
        http1::Builder::new().serve_connection(TokioIo::new(stream), take).await.unwrap();
    }

    async fn take(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Empty<Bytes>>, Infallible> {
        assert_eq!(request.uri().path(), "/v1/traces");
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        *self.authorization.lock().unwrap() = authorization;
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.requests().push(ExportTraceServiceRequest::decode(body).unwrap());
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::from_u16(self.status.load(Ordering::Relaxed)).unwrap();
        Ok(response)
    }

    fn requests(&self) -> MutexGuard<'_, Vec<ExportTraceServiceRequest>> {
        self.requests.lock().unwrap()
    }
}

/// The attribute with this name, as text.
pub fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text.clone()),
        AnyValue { value: Some(Value::IntValue(number)) } => Some(number.to_string()),
        value => panic!("{value:?}"),
    }
}

/// An id as it is written.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
