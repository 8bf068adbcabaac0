//! Limits of connections: every client gets an answer or an end, and others are served.

use std::time::Duration;

use ccs_modules_host::mirror::{MirrorError, MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::{ConnectionLimits, Settings};
use ccs_modules_host::stores::{Cluster, Redis, Scripted, demo};
use ccs_modules_host::{CallLimits, Ccs as _, Plugin, artifacts};
use tokio::task::{JoinSet, yield_now};

use crate::cluster::upstream::{Answer, Upstream};
use crate::server::http2;
use crate::support::gate::Gate;
use crate::support::guest;
use crate::support::port::ReservedPort;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

/// The shortest timeout, for those that the test waits for.
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn header_fields_over_the_limit_are_refused() {
    let server =
        serve(ConnectionLimits { header_bytes: 1000, ..ConnectionLimits::default() }).await;
    for (length, status) in [(993, 200), (994, 431), (1 << 20, 431)] {
        let mut wire = Wire::connect(server.address).await;
        let value = "v".repeat(length);
        wire.send(format!("GET /v1/modules HTTP/1.1\r\nhost:\r\nabc: {value}\r\n\r\n")).await;
        let reply = wire.reply("GET").await;
        assert_eq!(reply.status, status, "{length}");
        if length == 994 {
            assert_eq!(
                reply.text(),
                "{\"description\":\"the header fields are too long\",\"error_code\":\"header_too_long\"}\n"
            );
        }
    }
    let fields: String = (0..200).map(|number| format!("{number}: \r\n")).collect();
    let mut wire = Wire::connect(server.address).await;
    wire.send(format!("GET /v1/modules HTTP/1.1\r\n{fields}\r\n")).await;
    assert_eq!(wire.reply("GET").await.status, 431, "too many fields");
}

#[tokio::test]
async fn the_longest_times_and_the_largest_limits_are_taken() {
    const TIME: Duration = Duration::MAX;
    let call = CallLimits { timeout: TIME, store_timeout: TIME, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, call).unwrap();
    let limits = ConnectionLimits {
        client_timeout: TIME,
        connections: usize::MAX,
        header_bytes: usize::MAX,
        in_flight_bytes: usize::MAX,
        request_timeout: TIME,
    };
    let settings = || Settings { limits, ..open_to_all() };
    let of_mirror = MirrorSettings { timeout: TIME, ..MirrorSettings::default() };
    let mirror = StoreMirror::start(Source::store(demo()), of_mirror).await.unwrap();
    for server in [
        Serving::start(&plugin, demo(), settings()).await,
        Serving::answering(mirror, settings()).await,
    ] {
        let mut wire = Wire::connect(server.address).await;
        assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
        drop(wire);
        server.stop().await;
    }

    let closed = ReservedPort::any();
    let redis = format!("redis://{}", closed.address()).parse().unwrap();
    let node = Upstream::start(Answer::list("[{\"uid\":\"a\"}]\n")).await;
    let cluster = Cluster::new(&node.url().parse().unwrap(), None).unwrap().within(TIME);
    assert!(Redis::new(redis).within(TIME).list_documents().await.is_err());
    assert_eq!(cluster.list_documents().await.unwrap().len(), 1);
}

#[tokio::test]
async fn times_that_a_mirror_cannot_keep_are_refused() {
    let default = MirrorSettings::default;
    for settings in [
        MirrorSettings { refresh: Duration::MAX, stale_if_error: Duration::MAX, ..default() },
        MirrorSettings { stale_if_error: Duration::MAX, ..default() },
        MirrorSettings { stale_if_denied: Duration::MAX, ..default() },
    ] {
        let node = "http://127.0.0.1:1".parse().unwrap();
        let cluster = Cluster::new(&node, None).unwrap();
        let error = StoreMirror::start(cluster, settings).await.unwrap_err();
        assert!(matches!(error, MirrorError::Settings(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server =
        serve(ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() }).await;
    for begun in ["G", "P", "GET /v1/modules HTTP/1.1\r\nhost:", "\r\n\r\nGET"] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(begun).await;
        let reply = wire.reply("GET").await;
        assert_eq!((reply.status, reply.header("connection")), (408, Some("close")), "{begun:?}");
        assert_eq!(
            reply.text(),
            "{\"description\":\"the request did not arrive in time\",\"error_code\":\"request_timeout\"}\n"
        );
        assert_eq!(wire.rest().await, b"");
    }
    assert_eq!(Wire::connect(server.address).await.rest().await, b"");
    // An idle connection ends without a response.
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
    assert_eq!(wire.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_comes_line_by_line_ends_the_connection() {
    let server =
        serve(ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() }).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\n").await;
    // Each byte is in time, all of them together are not.
    while wire.sends("x: y\r\n").await && wire.is_silent(SHORT / 10).await {}
}

#[tokio::test]
async fn a_response_that_is_not_read_ends_the_connection() {
    // More than fits into the buffers of both ends of a connection.
    let documents =
        (0..20).map(|uid| format!("{{\"a\":\"{}\",\"uid\":\"{uid}\"}}", "x".repeat(900_000)));
    let limits = ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() };
    let settings = Settings { limits, ..open_to_all() };
    let server = Serving::start(plugin(), Scripted::documents(documents), settings).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    while !server.metrics.text().contains("http_requests_total{status=\"200\"} 1\n") {
        yield_now().await;
    }
    while !server.metrics.text().contains("http_connections 0\n") {
        yield_now().await;
    }
    assert!(wire.rest().await.len() < 18_000_000);
}

#[tokio::test]
async fn an_idle_http_2_connection_ends() {
    let limits = CallLimits { timeout: SHORT, ..CallLimits::default() };
    let plugin = Plugin::load(&guest::handling(""), limits).unwrap();
    let limits = ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() };
    let server = Serving::start(&plugin, demo(), Settings { limits, ..open_to_all() }).await;
    let mut client = http2::Client::connect(server.address).await;
    assert_eq!(client.get("/healthz").await.0, 200);
    client.ended().await;
}

#[tokio::test]
async fn connections_over_the_limit_get_503() {
    let server = serve(ConnectionLimits { connections: 1, ..ConnectionLimits::default() }).await;
    let mut first = Wire::connect(server.address).await;
    assert_eq!(first.ask("GET", "/v1/modules").await.status, 200);

    let mut second = Wire::connect(server.address).await;
    let reply = second.ask("GET", "/v1/modules").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(
        reply.text(),
        "{\"description\":\"there are too many connections\",\"error_code\":\"too_many_connections\"}\n"
    );
    assert_eq!(second.rest().await, b"");
    let (status, _) = http2::Client::connect(server.address).await.get("/v1/modules").await;
    assert_eq!(status, 503);

    assert_eq!(first.ask("GET", "/v1/modules").await.status, 200);
    drop(first);
    // There is room as soon as the server has noticed the end.
    while Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status != 200 {}
}

#[tokio::test]
async fn bytes_in_flight_over_the_limit_are_503() {
    let limits = ConnectionLimits { in_flight_bytes: 20_000, ..ConnectionLimits::default() };
    let store =
        Scripted::documents([format!("{{\"a\":\"{}\",\"uid\":\"1\"}}", "x".repeat(20_000))]);
    let server = Serving::start(plugin(), store, Settings { limits, ..open_to_all() }).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        let reply = wire.ask("GET", "/v1/modules").await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
        assert_eq!(
            reply.text(),
            "{\"description\":\"requests and responses in flight hold too much memory\",\"error_code\":\"too_much_in_flight\"}\n"
        );
        assert_eq!(wire.ask("GET", "/v1/modules/2").await.status, 404);
    }
    let fields = format!("x: {}\r\n", "x".repeat(10_000));
    wire.send(format!("GET /v1/modules/2 HTTP/1.1\r\nhost: test\r\n{fields}\r\n")).await;
    assert_eq!(wire.reply("GET").await.status, 503, "header fields count, too");
}

#[tokio::test]
async fn requests_that_wait_are_in_flight() {
    let limits = ConnectionLimits { in_flight_bytes: 60_000, ..ConnectionLimits::default() };
    let store = Gate::closed();
    let server =
        Serving::start(plugin(), store.clone(), Settings { limits, ..open_to_all() }).await;
    // One connection may have as many streams as several connections.
    let client = http2::Client::connect(server.address).await;
    let target = format!("/v1/modules?x={}", "x".repeat(6_000));
    let mut waiting = JoinSet::new();
    for _ in 0..10 {
        let (mut client, target) = (client.again(), target.clone());
        waiting.spawn(async move { client.get(&target).await });
    }
    for _ in 0..8 {
        let (status, body) = waiting.join_next().await.unwrap().unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(status == 503 && body.contains("too_much_in_flight"), "{status} {body}");
    }
    for _ in 0..2 {
        store.asked().await;
        store.open();
        assert_eq!(waiting.join_next().await.unwrap().unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_thousand_connections_are_served() {
    let files = rlimit::increase_nofile_limit(4096).unwrap();
    assert!(files > 2100, "the limit on open files, {files}, is too low for this test");
    let server = serve(ConnectionLimits { connections: 1000, ..ConnectionLimits::default() }).await;
    let mut wires = Vec::new();
    for _ in 0..1000 {
        let mut wire = Wire::connect(server.address).await;
        assert_eq!(wire.ask("GET", "/v1/modules/unknown").await.status, 404);
        wires.push(wire);
    }
    assert_eq!(Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status, 503);
    for wire in &mut wires {
        wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    }
    for wire in &mut wires {
        assert_eq!(wire.reply("GET").await.status, 200);
    }
}

#[tokio::test]
async fn malformed_http_is_a_400_or_the_end() {
    let server = serve(ConnectionLimits::default()).await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /v1/modules\r\n\r\n",
        b"GET /v1/modules HTTP/9.9\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\nno colon\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\n: no name\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\na b: c\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\na: \0\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: x\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ntransfer-encoding: x\r\n\r\n",
        b"GET /v1/mod ules HTTP/1.1\r\nhost: test\r\n\r\n",
        b"GET /v1/modules/\xff HTTP/1.1\r\nhost: test\r\n\r\n",
        b"G\xffT /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(bytes).await;
        let text = wire.rest().await;
        let text = String::from_utf8_lossy(&text);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{text}");
    }
    assert_eq!(Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status, 200);
}

#[tokio::test]
async fn a_target_beyond_all_measure_is_refused() {
    let server = serve(ConnectionLimits::default()).await;
    for (length, status) in [(60_000, 414), (70_000, 414), (1 << 20, 431)] {
        let target = format!("/v1/modules/{}", "a".repeat(length));
        let reply = Wire::connect(server.address).await.ask("GET", &target).await;
        assert_eq!(reply.status, status, "{length}");
    }
}

#[tokio::test]
async fn bodies_are_not_waited_for() {
    let server = serve(ConnectionLimits::default()).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(
        "POST /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000000\r\n\r\nthe start",
    )
    .await;
    assert_eq!(wire.reply("POST").await.status, 405);
    assert_eq!(wire.rest().await, b"");

    let mut wire = Wire::connect(server.address).await;
    let expecting = "expect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    wire.send(format!("GET /v1/modules HTTP/1.1\r\nhost: test\r\n{expecting}")).await;
    assert_eq!(wire.reply("GET").await.status, 200);
}

#[tokio::test]
async fn requests_in_a_pipeline_are_answered_in_order() {
    let server = serve(ConnectionLimits::default()).await;
    let mut wire = Wire::connect(server.address).await;
    let targets = ["/v1/modules", "/v1/modules/unknown", "/healthz", "/v1/modules?version=x"];
    let requests: String = targets
        .iter()
        .map(|target| format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n"))
        .collect();
    wire.send(requests.repeat(25)).await;
    for _ in 0..25 {
        for status in [200, 404, 200, 400] {
            assert_eq!(wire.reply("GET").await.status, status);
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    // A client that has sent everything looks the same, so the call goes on.
    let plugin = {
        let limits = CallLimits { timeout: SHORT, ..CallLimits::default() };
        Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap()
    };
    let store = Gate::closed();
    let limits = ConnectionLimits { connections: 1, ..ConnectionLimits::default() };
    let server = Serving::start(&plugin, store.clone(), Settings { limits, ..open_to_all() }).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    store.asked().await;
    drop(wire);
    while Wire::connect(server.address).await.ask("GET", "/healthz").await.status != 200 {}
}

async fn serve(limits: ConnectionLimits) -> Serving {
    Serving::start(plugin(), demo(), Settings { limits, ..open_to_all() }).await
}
