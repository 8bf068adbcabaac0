//! HTTP/1.0, HTTP/1.1 and HTTP/2.

use ccs_modules_host::stores::demo;
use http_body_util::Empty;
use hyper::body::Bytes;

use crate::server::http2;
use crate::serving::{Serving, open_to_all, plugin};
use crate::wire::Wire;

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
        tokio::task::yield_now().await;
    }
    assert_eq!(wire.reply("PUT").await.status, 405);
}
