//! The shutdown of a server.

use ccs_modules_host::server::Settings;
use ccs_modules_host::stores::demo;
use tokio::net::TcpStream;

use crate::server::http2;
use crate::support::gate::Gate;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn requests_in_flight_are_answered() {
    let store = Gate::closed();
    let server = Serving::start(plugin(), store.clone(), open_to_all()).await;
    let address = server.address;
    let mut wire = Wire::connect(address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    store.asked().await;
    let mut client = http2::Client::connect(address).await;
    let http2 = tokio::spawn(async move { client.get("/v1/modules").await });
    store.asked().await;

    let stopped = tokio::spawn(server.stop());
    // As soon as connections are refused, the server is stopping.
    while TcpStream::connect(address).await.is_ok() {}
    assert!(!stopped.is_finished());
    store.open();
    store.open();

    let reply = wire.reply("GET").await;
    assert_eq!((reply.status, reply.text()), (200, "[]\n"));
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(wire.rest().await, b"");
    assert_eq!(http2.await.unwrap(), (200, b"[]\n".to_vec()));
    stopped.await.unwrap();
}

#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    let mut silent = Wire::connect(server.address).await;
    let mut idle = Wire::connect(server.address).await;
    assert_eq!(idle.ask("GET", "/healthz").await.status, 200);
    let _http2 = http2::Client::connect(server.address).await;
    server.stop().await;
    assert_eq!(silent.rest().await, b"");
    assert_eq!(idle.rest().await, b"");
}

#[tokio::test]
async fn a_server_that_nobody_talked_to_ends() {
    Serving::start(plugin(), demo(), Settings::default()).await.stop().await;
}
