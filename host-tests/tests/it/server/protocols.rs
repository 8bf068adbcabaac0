//! HTTP/1.0, HTTP/1.1 and HTTP/2.

use ccs_modules_host::server::Settings;
use ccs_modules_host::stores::demo;
use http_body_util::Empty;
use hyper::body::Bytes;
use tokio::task::yield_now;

use crate::server::http2;
use crate::support::gate::Gate;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.0\r\n\r\n").await;
    let reply = wire.reply("GET").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(wire.rest().await, b"");
}

#[tokio::test]
async fn http_2_is_told_by_its_first_bytes() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    let mut client = http2::Client::connect(server.address).await;
    let (status, body) = client.get("/v1/modules").await;
    let mut wire = Wire::connect(server.address).await;
    assert_eq!((status, body), (200, wire.ask("GET", "/v1/modules").await.body));
    assert_eq!(client.get("/healthz").await, (200, b"ok\n".to_vec()));
}

#[tokio::test]
async fn the_openapi_document_needs_no_credentials() {
    let server = Serving::start(plugin(), demo(), Settings::default()).await;
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 401);
    let reply = wire.ask("GET", "/openapi.json").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.text(), ccs_modules::rest::OPENAPI);
    let entity_tag = reply.header("etag").unwrap();
    let request =
        format!("GET /openapi.json HTTP/1.1\r\nhost: a\r\nif-none-match: {entity_tag}\r\n\r\n");
    wire.send(&request).await;
    assert_eq!(wire.reply("GET").await.status, 304);
    assert_eq!(wire.ask("HEAD", "/openapi.json").await.body, b"");
}

#[tokio::test]
async fn header_fields_of_http_2_are_limited() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    for (length, status) in [(17 << 10, Some(431)), (1 << 20, None)] {
        let mut client = http2::Client::connect(server.address).await;
        let request = hyper::Request::get("http://test/v1/modules")
            .header("x", "v".repeat(length))
            .body(Empty::<Bytes>::new())
            .unwrap();
        // A request far beyond the limit ends the connection.
        assert_eq!(client.send(request).await.ok().map(|(status, _)| status), status);
    }
}

#[tokio::test]
async fn first_bytes_may_come_one_by_one() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    for byte in b"PUT /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n" {
        wire.send([*byte]).await;
        yield_now().await;
    }
    assert_eq!(wire.reply("PUT").await.status, 405);
}

#[tokio::test]
async fn http_1_1_names_its_host_once() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    for (version, fields, status) in [
        ("1.1", "host: test\r\n", 200),
        ("1.1", "host: test:8080\r\n", 200),
        ("1.1", "host: test:\r\n", 200),
        ("1.1", "host: 127.0.0.1:80\r\n", 200),
        ("1.1", "host: [::1]:80\r\n", 200),
        ("1.1", "host:\r\n", 200),
        ("1.1", "", 400),
        ("1.1", "host: a\r\nhost: a\r\n", 400),
        ("1.1", "host: a b\r\n", 400),
        ("1.1", "host: a/b\r\n", 400),
        ("1.1", "host: a:b\r\n", 400),
        ("1.1", "host: ann@a\r\n", 400),
        ("1.1", "host: a, b\r\n", 400),
        ("1.1", "host: [::1\r\n", 400),
        ("1.0", "", 200),
        ("1.0", "host: a\r\nhost: a\r\n", 400),
    ] {
        for path in ["/v1/modules", "/healthz"] {
            let mut wire = Wire::connect(server.address).await;
            wire.send(format!("GET {path} HTTP/{version}\r\n{fields}\r\n")).await;
            let reply = wire.reply("GET").await;
            assert_eq!(reply.status, status, "HTTP/{version} {path} {fields:?}");
            if status == 400 {
                assert!(reply.text().contains("\"error_code\":\"bad_request\""), "{reply:?}");
                assert_eq!(wire.rest().await, b"");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_has_sent_everything_gets_its_response() {
    let store = Gate::closed();
    let server = Serving::start(plugin(), store.clone(), open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    wire.end().await;
    store.asked().await;
    // The server could see the end by now.
    for _ in 0..100 {
        yield_now().await;
    }
    store.open();
    assert_eq!(wire.reply("GET").await.text(), "[]\n");
    assert_eq!(wire.rest().await, b"");
}
