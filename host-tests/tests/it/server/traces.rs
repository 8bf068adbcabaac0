//! The traces of a server, as a collector gets them.

use ccs_modules_host::Ccs;
use ccs_modules_host::mirror::{MirrorSettings, StoreMirror};
use ccs_modules_host::server::{Answering, Settings};
use ccs_modules_host::stores::{Cluster, demo};
use ccs_modules_host::traces::Traces;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::certificates::{Authority, acceptor};
use crate::cluster::upstream::{Answer, Upstream};
use crate::support::collector::{Collector, attribute, hex};
use crate::support::process::{self, command};
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::{Reply, Wire};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const LIST: &str = "[{\"uid\":\"a\"}]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_in_the_trace_of_its_client() {
    let collector = Collector::start().await;
    let server = Traced::start(&collector, demo()).await;
    let secrets = "authorization: Basic s3cret\r\ncookie: s3cret";
    let fields = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n{secrets}");
    let reply = server.ask("GET", "/v1/modules/nothing?token=s3cret", &fields).await;
    assert_eq!(reply.status, 404);
    server.stop().await;

    let span = collector.span("GET /v1/modules/{uid}");
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!(span.kind, SpanKind::Server as i32);
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "404"),
        ("http.route", "/v1/modules/{uid}"),
        ("url.path", "/v1/modules/nothing"),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(&span.attributes, name).as_deref(), Some(value), "{name}");
    }
    assert!(!has_failed(&span), "a 404 is the client's");
    assert!(!String::from_utf8_lossy(&collector.bytes()).contains("s3cret"));

    let read = collector.span("ccs get-document");
    assert_eq!((read.trace_id, read.parent_span_id), (span.trace_id, span.span_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_store_is_told_in_both_spans() {
    let collector = Collector::start().await;
    let node = Upstream::start(Answer::status(401)).await;
    let server = Traced::start(&collector, cluster(&node)).await;
    assert_eq!(server.ask("GET", "/v1/modules", "a: b").await.status, 503);
    assert_eq!(server.ask("LIST", "/elsewhere", "a: b").await.status, 404);
    server.stop().await;

    let (request, read) = (collector.span("GET /v1/modules"), collector.span("ccs list-documents"));
    assert_eq!(request.parent_span_id, b"", "no client names a trace");
    for (span, kind) in [(&request, "503"), (&read, "denied")] {
        assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some(kind));
        let message = &span.status.as_ref().unwrap().message;
        assert!(has_failed(span) && message.contains("answered 401"), "{message}");
    }
    let other = collector.span("HTTP");
    assert_eq!(attribute(&other.attributes, "http.request.method").unwrap(), "_OTHER");
    assert_eq!(attribute(&other.attributes, "http.request.method_original").unwrap(), "LIST");
    assert_eq!(attribute(&other.attributes, "http.route"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_told_the_trace_of_the_request() {
    let collector = Collector::start().await;
    let node = Upstream::start(Answer::list(LIST)).await;
    let server = Traced::start(&collector, cluster(&node)).await;
    let fields = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: vendor=1");
    assert_eq!(server.ask("GET", "/v1/modules", &fields).await.text(), LIST);
    server.stop().await;

    let (fetch, read) = (collector.span("GET"), collector.span("ccs list-documents"));
    assert_eq!((hex(&fetch.trace_id), &fetch.parent_span_id), (TRACE.into(), &read.span_id));
    assert_eq!(fetch.kind, SpanKind::Client as i32);
    for (name, value) in [
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", &node.address.port().to_string()),
        ("url.full", &format!("{}/v1/modules", node.url())),
    ] {
        assert_eq!(attribute(&fetch.attributes, name).as_deref(), Some(value), "{name}");
    }
    let head = &node.heads()[0];
    let traceparent = format!("\r\ntraceparent: 00-{TRACE}-{}-01\r\n", hex(&fetch.span_id));
    assert!(head.contains(&traceparent) && head.contains("\r\ntracestate: vendor=1\r\n"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_of_a_mirror_is_a_trace_of_its_own() {
    let collector = Collector::start().await;
    let node = Upstream::start(Answer::list(LIST)).await;
    let traces = traces(&collector);
    let settings = MirrorSettings { traces: Some(traces.clone()), ..MirrorSettings::default() };
    let mirror = StoreMirror::start(cluster(&node), settings).await.unwrap();
    let server = Traced::over(traces, mirror).await;
    let fields = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    assert_eq!(server.ask("GET", "/v1/modules", &fields).await.text(), LIST);
    server.stop().await;

    let (fetch, request) = (collector.span("mirror fetch"), collector.span("GET"));
    assert_eq!(fetch.parent_span_id, b"");
    assert_ne!(hex(&fetch.trace_id), TRACE);
    assert_eq!(attribute(&fetch.attributes, "ccs.mirror.outcome").as_deref(), Some("changed"));
    assert_eq!((&request.trace_id, &request.parent_span_id), (&fetch.trace_id, &fetch.span_id));
    let (trace, span) = (hex(&fetch.trace_id), hex(&request.span_id));
    let head = &node.heads()[0];
    assert!(head.contains(&format!("\r\ntraceparent: 00-{trace}-{span}-01\r\n")), "{head}");
    assert!(!head.contains("tracestate"), "{head}");
    assert_eq!(hex(&collector.span("GET /v1/modules").trace_id), TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_sends_its_spans_before_it_ends_and_logs_their_traces() {
    let (folder, collector) = (TempDir::new().unwrap(), Collector::start().await);
    let arguments = ["--component", "--otlp-endpoint", collector.url()];
    let mut server = process::Server::start(&folder, &arguments);
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
    assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
    // The client asks not to be traced. Its trace is logged all the same.
    let unsampled = format!("traceparent: 00-{TRACE}-{PARENT}-00");
    assert_eq!(ask(&mut wire, "GET", "/v1/modules", &unsampled).await.status, 200);
    server.stop();

    let request = collector.span("GET /v1/modules");
    assert_eq!(logged_traces(&server.log()), [hex(&request.trace_id), TRACE.into()]);
    let read = collector.span("ccs list-documents");
    assert_eq!((read.trace_id, read.parent_span_id), (request.trace_id, request.span_id));
    let resource = collector.resource().attributes;
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("ccs-modules"));
    assert_eq!(attribute(&resource, "service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_fails_disturbs_nothing_and_is_logged_once() {
    let (folder, collector) = (TempDir::new().unwrap(), Collector::start().await);
    collector.answer(400);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_SERVICE_NAME", "modules-of-a"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
    ];
    let mut server = process::Server::start_in(&folder, &[], &variables);
    let mut wire = Wire::connect(server.address).await;
    for times in 1..4 {
        assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
        collector.requested(times).await;
    }
    server.logged("the collector of traces fails").await;
    collector.answer(200);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
    server.logged("the collector takes traces again").await;
    server.stop();
    let log = server.log();
    assert_eq!(log.matches("the collector of traces fails").count(), 1, "{log}");
    assert!(log.contains("it answered 400") && !log.contains("were not sent"), "{log}");
    let resource = collector.resource().attributes;
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("modules-of-a"));

    // Nothing listens there.
    let mut server = process::Server::start(&folder, &["--otlp-endpoint", "http://127.0.0.1:1"]);
    assert_eq!(Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status, 200);
    server.stop();
    let log = server.log();
    assert_eq!(log.matches("the collector of traces fails").count(), 1, "{log}");
    assert!(log.contains("connection refused"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_the_collector_over_tls_and_into_no_log() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let collector = Collector::start_tls(acceptor(&authority.sign("127.0.0.1"))).await;
    let ca = authority.path();
    let variables = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.to_str().unwrap()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret"),
    ];
    let arguments = ["--otlp-endpoint", collector.url(), "--log", "debug"];
    let mut server = process::Server::start_in(&folder, &arguments, &variables);
    assert_eq!(Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status, 200);
    server.stop();
    assert_eq!(collector.authorization().as_deref(), Some("Bearer s3cret"));
    collector.span("GET /v1/modules");
    let log = server.log();
    assert!(!log.contains("s3cret") && !log.contains("the collector of traces fails"), "{log}");
}

#[test]
fn a_collector_that_is_no_url_is_refused_and_not_shown() {
    let url = "http://ann:s3cret@127.0.0.1";
    for (arguments, variable, code, name) in [
        (&["serve", "--otlp-endpoint", url][..], "", 2, "--otlp-endpoint"),
        (&["serve"], url, 1, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] {
        let mut command = command(arguments);
        let output = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", variable).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(name) && stderr.contains("expected a URL such as"), "{stderr}");
        assert!(!stderr.contains("s3cret"), "{stderr}");
    }
}

/// A server in this program whose requests are traced.
struct Traced {
    server: Serving,
    traces: Traces,
}

impl Traced {
    async fn start(collector: &Collector, ccs: impl Ccs + 'static) -> Self {
        Self::over(traces(collector), plugin().service(ccs)).await
    }

    async fn over(traces: Traces, answering: impl Into<Answering>) -> Self {
        let settings = Settings { traces: Some(traces.clone()), ..open_to_all() };
        Self { server: Serving::answering(answering, settings).await, traces }
    }

    async fn ask(&self, method: &str, target: &str, fields: &str) -> Reply {
        ask(&mut Wire::connect(self.server.address).await, method, target, fields).await
    }

    /// Stops the server, and then sends what it has.
    async fn stop(self) {
        self.server.stop().await;
        self.traces.stop().await;
    }
}

async fn ask(wire: &mut Wire, method: &str, target: &str, fields: &str) -> Reply {
    wire.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{fields}\r\n\r\n")).await;
    wire.reply(method).await
}

fn traces(collector: &Collector) -> Traces {
    Traces::start(&collector.url().parse().unwrap()).unwrap()
}

fn cluster(node: &Upstream) -> Cluster {
    Cluster::new(&node.url().parse().unwrap(), None).unwrap()
}

fn has_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32)
}

/// The traces of the lines that each request has in a log.
fn logged_traces(log: &str) -> Vec<String> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests = lines.filter(|line| line["message"] == "request");
    requests.map(|line| line["trace_id"].as_str().unwrap().to_owned()).collect()
}
