//! The server, over a socket.

use ccs_modules::access::Policy;
use ccs_modules::rest::header_fields;
use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::Request;
use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::{Answering, Settings};
use ccs_modules_host::stores::Cluster;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::header::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::runners::plugin;
use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;
use crate::support::serving::{Serving, open_to_all};
use crate::support::wire::{Reply, Wire};

/// Runs a case over HTTP/1.1, twice on one connection: in instances of the plugin, and on a mirror.
pub async fn http1(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case) else { return Vec::new() };
    if request.target.is_empty() {
        return Vec::new(); // no request line can carry this target
    }
    let mut outcomes = Vec::new();
    for answering in answerings(case, &request).await {
        let server = serve(case, answering).await;
        let mut wire = Wire::connect(server.address).await;
        for _ in 0..2 {
            wire.send(bytes(&request)).await;
            let reply = wire.reply(&request.method).await;
            outcomes.push(outcome(reply.status, reply.headers, reply.body));
        }
    }
    outcomes
}

/// Runs a case on a mirror of a server that has the store of the case. Cases whose store has no valid
/// catalog are left out.
pub async fn chained(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case).filter(|request| !request.target.is_empty()) else {
        return Vec::new();
    };
    if !has_catalog(case) {
        return Vec::new();
    }
    let upstream = Serving::start(plugin::loaded(), case.store(), open_to_all()).await;
    let address = format!("http://{}", upstream.address).parse().unwrap();
    let mirror = mirror(Cluster::new(&address, None).unwrap()).await;
    let server = serve(case, mirror).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(bytes(&request)).await;
    let Reply { status, headers, body } = wire.reply(&request.method).await;
    vec![outcome(status, headers, body)]
}

/// Runs a case over HTTP/2.
pub async fn http2(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case) else { return Vec::new() };
    let Some(sent) = http2_request(&request) else { return Vec::new() };
    let mut outcomes = Vec::new();
    for answering in answerings(case, &request).await {
        let server = serve(case, answering).await;
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(sent.clone()).await.unwrap();
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        outcomes.push(outcome(status, headers, body.into()));
    }
    outcomes
}

/// The two ways in which a server answers. A mirror reads the whole catalog. So it cannot run a case whose
/// store finds another document by a uid than it lists, or that gets one document of a malformed catalog.
async fn answerings(case: &Case, request: &Request) -> Vec<Answering> {
    let component = plugin::loaded().service(case.store()).into();
    let is_get = request.target.contains("/v1/modules/");
    let is_malformed = case.documents().is_some() && !has_catalog(case);
    if !case.finds_what_it_lists() || (is_get && is_malformed) {
        return vec![component];
    }
    vec![component, mirror(Source::store(case.store())).await]
}

async fn mirror(source: impl Into<Source>) -> Answering {
    let timeout = plugin::loaded().call_limits().store_timeout;
    let settings = MirrorSettings { timeout, ..MirrorSettings::default() };
    StoreMirror::start(source, settings).await.unwrap().into()
}

/// Whether the store of the case is a list of documents, all of them valid.
fn has_catalog(case: &Case) -> bool {
    let documents = case.documents();
    documents.is_some_and(|it| Snapshot::from_documents(&it, &Limits::default()).is_ok())
}

/// The request of a case; none for a typed call. Roles go into a header.
fn request(case: &Case) -> Option<Request> {
    let Ready::Handle(mut request) = case.call() else { return None };
    if let Some(roles) = case.given_roles() {
        request.headers.push((ROLES.into(), roles));
    }
    Some(request)
}

async fn serve(case: &Case, answering: Answering) -> Serving {
    let access = match case.access() {
        None => Some(json!({"trusted_header": ROLES})),
        Some(Value::Null) => None,
        Some(policy) => Some(policy.clone()),
    };
    let access = access.map(|access| Policy::parse(access.to_string().as_bytes()).unwrap());
    Serving::answering(
        answering,
        Settings { access: access.map(Into::into), ..Settings::default() },
    )
    .await
}

/// The name of the trusted header, which a proxy in front would set.
const ROLES: &str = "x-ccs-roles";

fn bytes(request: &Request) -> Vec<u8> {
    let mut bytes =
        format!("{} {} HTTP/1.1\r\nhost: test\r\n", request.method, request.target).into_bytes();
    for (name, value) in header_fields(&request.headers) {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// The request for an HTTP/2 client; `None` if the client would change it.
fn http2_request(request: &Request) -> Option<hyper::Request<Empty<Bytes>>> {
    let path = request.target.starts_with('/').then_some(&request.target)?;
    let mut http2 =
        hyper::Request::builder().method(request.method.as_str()).uri(format!("http://test{path}"));
    for (name, value) in header_fields(&request.headers) {
        http2 = http2.header(name, HeaderValue::from_bytes(value).ok()?);
    }
    let http2 = http2.body(Empty::new()).ok()?;
    let sent = http2.uri().path_and_query()?;
    (sent.as_str() == path).then_some(http2)
}

/// The outcome without the header fields that depend on the time, or that only a mirror sends.
fn outcome(status: u16, mut headers: Vec<(String, String)>, body: Vec<u8>) -> Outcome {
    headers.retain(|(name, _)| !["date", "age", "cache-status"].contains(&name.as_str()));
    Outcome::of_response(status, headers, body)
}
