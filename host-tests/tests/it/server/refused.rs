//! Requests and connections that the server refuses by itself: they are counted and logged.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::process::Server;
use crate::support::wire::Wire;

#[tokio::test]
async fn refused_requests_are_counted_and_logged() {
    let folder = TempDir::new().unwrap();
    let options = ["--client-timeout", "100ms", "--metrics", "127.0.0.1:0"];
    let mut server = Server::start(&folder, &options);
    let long = "x".repeat(1 << 20);
    let begin = "GET /v1/modules HTTP/1.1\r\n";
    let sent = [
        (400_u64, "nonsense\r\n\r\n".to_owned()),
        (400, format!("{begin}\r\n")),
        (408, begin.to_owned()),
        (414, format!("GET /{} HTTP/1.1\r\n\r\n", &long[..70_000])),
        (431, format!("{begin}x: {long}\r\n\r\n")),
    ];
    for (status, bytes) in &sent {
        let mut wire = Wire::connect(server.address).await;
        // The server ends the connection before it has taken a long head.
        wire.sends(bytes).await;
        let answer = wire.rest().await;
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{status}");
    }

    let text = metrics(&server).await;
    for (status, count) in [(400, 2), (408, 1), (414, 1), (431, 1)] {
        let line = format!("\nccs_modules_http_requests_total{{status=\"{status}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    server.stop();
    assert_eq!(refused(&server), sent.each_ref().map(|(status, _)| *status));
}

#[tokio::test]
async fn refused_connections_are_counted_and_logged() {
    let folder = TempDir::new().unwrap();
    let options = ["--max-connections", "1", "--metrics", "127.0.0.1:0"];
    let mut server = Server::start(&folder, &options);
    let mut first = Wire::connect(server.address).await;
    assert_eq!(first.ask("GET", "/healthz").await.status, 200);
    let mut second = Wire::connect(server.address).await;
    assert_eq!(second.ask("GET", "/healthz").await.status, 503);
    let text = metrics(&server).await;
    assert!(text.contains("\nccs_modules_http_requests_total{status=\"503\"} 1\n"), "{text}");
    server.stop();
    assert_eq!(refused(&server), [503]);
}

#[tokio::test]
async fn without_file_descriptors_it_logs_once_a_second_and_recovers() {
    const FILES: u32 = 64;
    let folder = TempDir::new().unwrap();
    let server = Server::start_with_files(&folder, FILES);
    let connect = |_| TcpStream::connect(server.address).unwrap();
    let connections: Vec<_> = (0..FILES).map(connect).collect();
    let started = Instant::now();
    server.logged("cannot accept connections").await;
    sleep(Duration::from_millis(1500)).await;
    let lines = server.log().matches("cannot accept connections").count();
    assert!(lines as f64 <= started.elapsed().as_secs_f64() + 1.0, "{}", server.log());
    drop(connections);
    while Wire::connect(server.address).await.ask("GET", "/healthz").await.status != 200 {}
}

/// The statuses of the refused requests in the log.
fn refused(server: &Server) -> Vec<u64> {
    let lines = server.log();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused = lines.filter(|line| line["message"] == "request refused").inspect(|line| {
        assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(line["reason"].is_string(), "{line}");
    });
    refused.map(|line| line["status"].as_u64().unwrap()).collect()
}

async fn metrics(server: &Server) -> String {
    let mut wire = Wire::connect(server.metrics.unwrap()).await;
    wire.ask("GET", "/metrics").await.text().to_owned()
}
