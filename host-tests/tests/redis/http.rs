//! The server over Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::{Answering, Metrics, Server as HttpServer, Settings};
use ccs_modules_host::{CallLimits, Plugin, artifacts};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::load::{Answer, CLIENTS, withstands};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_while_redis_comes_and_goes() {
    let server = Server::start();
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let Serving { address, stop, serving, .. } = serve(plugin.service(server.store())).await;

    // The same connections are used throughout: none is lost while Redis is away.
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Mutex::new(connect(address).await));
    }
    let server = withstands(server, async |client, question| {
        get(&mut *clients[client].lock().await, &question.target).await
    })
    .await;

    let mut client = clients.pop().unwrap().into_inner();
    assert_eq!(get(&mut client, "/readyz").await.status, 200);
    drop(server);
    assert_eq!(get(&mut client, "/readyz").await.status, 503);
    assert_eq!(get(&mut client, "/healthz").await.status, 200);
    drop((client, clients));
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_value_that_breaks_leaves_the_last_good_catalog() {
    let server = Server::start();
    let write = |document: &str| server.run_command(&["HSET", "ccs:modules", "a", document]);
    write(r#"{"uid":"a"}"#);
    let settings =
        MirrorSettings { refresh: Duration::from_millis(1), ..MirrorSettings::default() };
    let mirror = StoreMirror::start(Source::store(server.store()), settings).await.unwrap();
    let Serving { address, metrics, stop, serving } = serve(mirror).await;
    let mut client = connect(address).await;
    let good = get(&mut client, "/v1/modules").await;
    assert_eq!((good.status, &*good.body), (200, &b"[{\"uid\":\"a\"}]\n"[..]));

    for (document, stale) in [
        ("{\"uid\":", 1),
        (r#"{"uid":"b"}"#, 0),
        (r#"{"uid":"a","version":"x"}"#, 1),
        (r#"{"uid":"a"}"#, 0),
    ] {
        write(document);
        let line = format!("\nccs_modules_catalog_stale {stale}\n");
        let sends = format!("[{document}]\n");
        let is_noticed = async |client: &mut SendRequest<Empty<Bytes>>| {
            let answer = get(client, "/v1/modules").await;
            assert_eq!(answer.status, 200, "{document}");
            assert_eq!(get(client, "/readyz").await.status, 200);
            let is_right = stale == 1 || answer.body == sends.as_bytes();
            is_right && metrics.text().contains(&line)
        };
        let noticed = async { while !is_noticed(&mut client).await {} };
        timeout(Duration::from_secs(60), noticed).await.expect("it is noticed");
    }
    assert_eq!(get(&mut client, "/v1/modules").await.body, good.body);
    drop(client);
    stop.cancel();
    serving.await.unwrap();
}

/// A server that lets every caller read.
struct Serving {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn serve(answering: impl Into<Answering>) -> Serving {
    let access = Policy::parse(br#"{"anonymous":["db_viewer"]}"#).unwrap();
    let settings = Settings { access: Some(access.into()), ..Settings::default() };
    let server = HttpServer::bind("127.0.0.1:0", answering, settings).await.unwrap();
    let (address, metrics) = (server.address().unwrap(), server.metrics());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone().cancelled_owned()));
    Serving { address, metrics, stop, serving }
}

async fn connect(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn get(client: &mut SendRequest<Empty<Bytes>>, target: &str) -> Answer {
    client.ready().await.unwrap();
    let request = Request::get(target).header("host", "localhost").body(Empty::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    Answer {
        status: response.status().as_u16(),
        retry_after: response.headers().contains_key("retry-after"),
        body: response.into_body().collect().await.unwrap().to_bytes().into(),
    }
}
