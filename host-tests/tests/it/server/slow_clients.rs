//! Clients that are slow: each has its time, whatever it sends meanwhile, and no more.

use std::time::{Duration, Instant};

use ccs_modules_host::server::{ConnectionLimits, Settings};
use ccs_modules_host::stores::{Scripted, demo};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::server::http2::{DATA, Frames, GOAWAY};
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

/// The shortest timeout, for those that the test waits for.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn pings_do_not_keep_an_idle_connection() {
    let limits = ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() };
    let server = Serving::start(plugin(), demo(), Settings { limits, ..open_to_all() }).await;
    let fresh = Frames::connect(server.address, 65_535).await;
    let mut idle = Frames::connect(server.address, 65_535).await;
    idle.get(1, "/healthz").await;
    assert!(fresh.ping(SHORT / 10).await);
    assert!(idle.ping(SHORT / 10).await);
}

#[tokio::test]
async fn a_head_byte_by_byte_ends_an_http_2_connection() {
    let limits = ConnectionLimits { client_timeout: SHORT, ..ConnectionLimits::default() };
    let server = Serving::start(plugin(), demo(), Settings { limits, ..open_to_all() }).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    // A part of a head that is never whole.
    wire.send(b"\0\x3f\0\x01\x04\0\0\0\x01").await;
    while wire.sends("x").await && wire.is_silent(SHORT / 10).await {}
}

#[tokio::test]
async fn a_response_that_is_not_taken_leaves_the_memory() {
    let limits = ConnectionLimits {
        client_timeout: SHORT,
        in_flight_bytes: 400_000,
        ..ConnectionLimits::default()
    };
    let store =
        Scripted::documents([format!("{{\"a\":\"{}\",\"uid\":\"1\"}}", "x".repeat(300_000))]);
    let server = Serving::start(plugin(), store, Settings { limits, ..open_to_all() }).await;
    for window in [0, 299_000] {
        let mut client = Frames::connect(server.address, window).await;
        client.widen(1_000_000).await;
        client.get(1, "/v1/modules").await;
        // Another client is refused as soon as the response is in flight.
        let status =
            || async { Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status };
        while status().await != 503 {
            yield_now().await;
        }
        assert!(client.ping(SHORT / 10).await);
        while status().await != 200 {}
    }
}

#[tokio::test]
async fn a_client_that_takes_its_response_steadily_gets_all_of_it() {
    const STEP: usize = 16 << 10;
    // At 1 MB/s the kernel would take a part of the response at once that lasts longer than the timeout.
    const PAUSE: Duration = Duration::from_millis(16);
    const LENGTH: usize = 6_000_000;
    let documents =
        (0..10).map(|uid| format!("{{\"a\":\"{}\",\"uid\":\"{uid}\"}}", "x".repeat(LENGTH / 10)));
    let limits = ConnectionLimits {
        client_timeout: Duration::from_millis(600),
        ..ConnectionLimits::default()
    };
    let settings = Settings { limits, ..open_to_all() };
    let server = Serving::start(plugin(), Scripted::documents(documents), settings).await;

    let mut wire = Wire::over(connect_with_a_small_buffer(&server).await);
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
    let http_1 = async {
        let mut received = 0;
        while let Some(bytes) = wire.up_to(STEP).await {
            received += bytes;
            sleep(PAUSE).await;
        }
        received
    };
    let mut client = Frames::over(connect_with_a_small_buffer(&server).await, 7_000_000).await;
    client.widen(7_000_000).await;
    client.get(1, "/v1/modules").await;
    let http_2 = async {
        let mut received = 0;
        while received < LENGTH {
            let (kind, length) = client.next().await.expect("the connection ends within the body");
            received += if kind == DATA { length } else { 0 };
            sleep(PAUSE).await;
        }
        received
    };
    let (http_1, http_2) = tokio::join!(http_1, http_2);
    assert!(http_1 > LENGTH && http_2 > LENGTH, "{http_1}, {http_2}");
}

/// Connects with a receive buffer that does not take a whole response at once.
async fn connect_with_a_small_buffer(server: &Serving) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    SockRef::from(&socket).set_recv_buffer_size(256 << 10).unwrap();
    socket.connect(server.address).await.unwrap()
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_ping() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    let mut client = Frames::connect(server.address, 65_535).await;
    client.get(1, "/healthz").await;
    while client.next().await.unwrap().0 != DATA {}
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(client.next().await.unwrap().0, GOAWAY);
}
