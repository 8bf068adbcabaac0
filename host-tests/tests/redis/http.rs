//! The server over Redis.

use std::net::SocketAddr;
use std::time::Duration;

use ccs_modules_host::server::{Answering, KeptSettings, Server as HttpServer, Settings};
use ccs_modules_host::{CallLimits, Plugin, Standalone, artifacts};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::load::{Answer, CLIENTS, withstands};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_while_redis_comes_and_goes() {
    let server = Server::start();
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let access = ccs_modules::access::Policy::parse(br#"{"anonymous":["db_viewer"]}"#).unwrap();
    let settings = Settings { access: Some(access), ..Settings::default() };
    let any_port = "127.0.0.1:0";
    let http = HttpServer::bind(any_port, &plugin, server.store(), settings).await.unwrap();
    let address = http.address().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(http.run(stop.clone().cancelled_owned()));

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
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let kept = KeptSettings {
        standalone: Standalone::load(&artifacts::STANDALONE.wasm, CallLimits::default()).unwrap(),
        max_age: Duration::ZERO,
        stale_if_error: Duration::from_secs(3600),
    };
    let access = ccs_modules::access::Policy::parse(br#"{"anonymous":["db_viewer"]}"#).unwrap();
    let answering = Answering::Kept(kept);
    let settings = Settings { access: Some(access), answering, ..Settings::default() };
    let http = HttpServer::bind("127.0.0.1:0", &plugin, server.store(), settings).await.unwrap();
    let (address, metrics) = (http.address().unwrap(), http.metrics());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(http.run(stop.clone().cancelled_owned()));
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
        let answer = get(&mut client, "/v1/modules").await;
        assert_eq!(answer.status, 200, "{document}");
        assert_eq!(get(&mut client, "/readyz").await.status, 200);
        let line = format!("\nccs_modules_catalog_stale {stale}\n");
        assert!(metrics.text().contains(&line), "{document}: {}", metrics.text());
    }
    assert_eq!(get(&mut client, "/v1/modules").await.body, good.body);
    drop(client);
    stop.cancel();
    serving.await.unwrap();
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
