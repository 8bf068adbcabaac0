//! The server, over a socket.

use std::sync::OnceLock;
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules::rest::header_fields;
use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::mirror::{ClusterMirror, MirrorSettings};
use ccs_modules_host::server::{Answering, KeptSettings, Settings};
use ccs_modules_host::stores::Cluster;
use ccs_modules_host::{Request, Standalone, artifacts};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::header::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::case::{Case, Ready};
use crate::outcome::Outcome;
use crate::runners::plugin;
use crate::serving::{Serving, open_to_all};
use crate::wire::{Reply, Wire};

/// Runs a case over HTTP/1.1: in fresh instances, in a reused one, and in instances that keep a
/// snapshot, twice on one connection.
pub async fn http1(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case) else { return Vec::new() };
    if request.target.is_empty() {
        return Vec::new(); // no request line can carry this target
    }
    let mut outcomes = Vec::new();
    let mut answerings = vec![Answering::Fresh, Answering::Reused];
    if case.finds_what_it_lists() {
        answerings.push(Answering::Kept(kept()));
    }
    for answering in answerings {
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

/// Runs a case on a mirror of a server that has the store of the case: except for two header
/// fields, the mirror answers like that server. Cases whose store has no valid catalog are left
/// out.
pub async fn mirrored(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case).filter(|request| !request.target.is_empty()) else {
        return Vec::new();
    };
    let Some(documents) = case.documents() else { return Vec::new() };
    if Snapshot::from_documents(&documents, &Limits::default()).is_err() {
        return Vec::new();
    }
    let upstream = Serving::start(plugin::loaded(), case.store(), open_to_all()).await;
    let address = format!("http://{}", upstream.address).parse().unwrap();
    let cluster = Cluster::new(&address, None).unwrap();
    let mirror = ClusterMirror::start(cluster, MirrorSettings::default()).await.unwrap();
    let server = serve(case, Answering::Mirrored(mirror)).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(bytes(&request)).await;
    let Reply { status, mut headers, body } = wire.reply(&request.method).await;
    headers.retain(|(name, _)| name != "age" && name != "cache-status");
    vec![outcome(status, headers, body)]
}

/// Runs a case over HTTP/2.
pub async fn http2(case: &Case) -> Vec<Outcome> {
    let Some(request) = request(case) else { return Vec::new() };
    let server = serve(case, Answering::Fresh).await;
    let Some(request) = http2_request(&request) else { return Vec::new() };
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    vec![outcome(status, headers, body.into())]
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
    let settings = Settings { access, answering, ..Settings::default() };
    Serving::start(plugin::loaded(), case.store(), settings).await
}

/// Snapshots that are compared with the store for each request.
fn kept() -> KeptSettings {
    static STANDALONE: OnceLock<Standalone> = OnceLock::new();
    let standalone = STANDALONE.get_or_init(|| {
        let limits = plugin::loaded().call_limits();
        Standalone::load(&artifacts::STANDALONE.wasm, limits).expect("the component loads")
    });
    KeptSettings {
        standalone: standalone.clone(),
        max_age: Duration::ZERO,
        stale_if_error: Duration::ZERO,
    }
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

/// The request for an HTTP/2 client; none if the client would change it.
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

/// The outcome without the header fields that the server adds, such as the date.
fn outcome(status: u16, mut headers: Vec<(String, String)>, body: Vec<u8>) -> Outcome {
    headers.retain(|(name, _)| name != "date");
    Outcome::of_response(status, headers, body)
}
