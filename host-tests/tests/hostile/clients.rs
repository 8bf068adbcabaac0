//! Clients that send too much, or read too slowly.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ccs_modules_host::server::ConnectionLimits;
use tempfile::TempDir;

use crate::process::Server;
use crate::siege::frame;

const MIB: usize = 1 << 20;

#[test]
fn oversized_targets_header_fields_and_bodies_are_refused() {
    let server = Server::start(&[]);
    let long = "x".repeat(8 * MIB);
    for (request, statuses) in [
        (format!("{long} /v1/modules HTTP/1.1\r\n\r\n"), &[0, 400, 431][..]),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), &[0, 414, 431]),
        (format!("GET /v1/modules HTTP/1.1\r\n{long}: x\r\n\r\n"), &[0, 431]),
        (format!("GET /v1/modules HTTP/1.1\r\nx: {long}\r\n\r\n"), &[0, 431]),
        (format!("GET /v1/modules HTTP/1.1\r\n{}\r\n", "x: x\r\n".repeat(MIB)), &[0, 431]),
        (
            format!(
                "POST /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: 8388608\r\n\r\n{long}"
            ),
            &[0, 405],
        ),
        (
            format!(
                "GET /v1/modules HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n800000\r\n{long}"
            ),
            &[0, 200],
        ),
        (
            format!(
                "GET /v1/modules HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n1;{long}"
            ),
            &[0, 200],
        ),
        (long.clone(), &[0, 400, 431]),
    ] {
        for _ in 0..10 {
            let (status, _) = server.send(&request);
            assert!(statuses.contains(&status), "{status}: {}", &request[..60.min(request.len())]);
        }
        assert_eq!(server.get("/v1/modules").0, 200);
    }
    assert!(server.peak() < 128 * MIB, "{} MiB", server.peak() / MIB);
}

#[test]
fn heads_that_do_not_end_hold_little() {
    let server = Server::start(&[]);
    let head = format!("GET /v1/modules HTTP/1.1\r\nx: {}", "x".repeat(90 << 10));
    let mut streams: Vec<_> = (0..500).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(head.as_bytes()).unwrap();
    }
    assert_eq!(server.get("/v1/modules").0, 200);
    // The most bytes of each request that HTTP reads before it refuses.
    assert!(server.peak() < (128 + 500 / 4) * MIB, "{} MiB", server.peak() / MIB);
}

#[test]
fn http_2_connections_take_no_more_than_is_documented() {
    const CONNECTIONS: usize = 500;
    // The streams have no window, so no response ends. The last head is not whole.
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for stream in 0..100 {
        // Indexed fields of the static table: GET and http. Then :path and :authority, spelt out.
        let head = b"\x82\x86\x04\x08/healthz\x01\x04test";
        bytes.extend(frame(1, 5, 1 + 2 * stream, head));
    }
    let part = [&b"\0\x01x\x7f\x81\x7c"[..], &[b'x'; 16_000]].concat();
    bytes.extend(frame(1, 0, 201, &part));
    for _ in 0..4 {
        bytes.extend(frame(9, 0, 201, &part));
    }

    let server = Server::start(&[]);
    let before = server.memory();
    let streams: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(&bytes).unwrap();
            stream
        })
        .collect();
    assert_eq!(server.get("/v1/modules").0, 200);
    // The server has read everything as soon as it has sent the heads of the responses.
    for mut stream in &streams {
        stream.read_exact(&mut [0; 100 * 9]).unwrap();
    }
    let each = (server.peak() - before) / CONNECTIONS;
    assert!(each < ConnectionLimits::CONNECTION_BYTES, "{} KiB", each >> 10);
    assert!(each > 100 << 10, "{} KiB: it does not do its worst", each >> 10);
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    const ANSWER: usize = 8 * MIB;
    const IN_FLIGHT: usize = 64 * MIB;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let document = |uid| format!("{{\"a\":\"{}\",\"uid\":\"{uid}\"}}", "x".repeat(ANSWER / 16));
    let documents: Vec<_> = (0..16).map(document).collect();
    fs::write(&path, format!("[{}]", documents.join(","))).unwrap();
    let store = format!("file:{}", path.display());
    let in_flight = IN_FLIGHT.to_string();
    let start = |mode: &[&str]| {
        let options = ["--store", &store, "--max-in-flight-bytes", &in_flight];
        Server::start(&[&options[..], mode].concat())
    };

    // A mirror sends all of them from one place.
    let server = start(&[]);
    let (streams, refused) = unread(&server);
    assert_eq!(refused, 0);
    assert_eq!(server.get("/v1/modules/1").0, 200);
    assert!(server.peak() < 128 * MIB, "{} MiB", server.peak() / MIB);
    drop(streams);

    let server = start(&["--component", "--max-instances", "4"]);
    let (streams, refused) = unread(&server);
    // A response counts as in flight until the connection has taken it, so a part of each is free
    // already.
    assert!(refused >= UNREAD - 2 * IN_FLIGHT / ANSWER, "{refused}");
    assert_eq!(server.get("/v1/modules/1").0, 200, "a small answer still fits");
    drop(streams);
    while server.get("/v1/modules").0 != 200 {}
    let most = 128 * MIB + IN_FLIGHT + 4 * 3 * 64 * MIB;
    assert!(server.peak() < most, "{} MiB", server.peak() / MIB);
}

/// The number of clients that ask for a list and take no more than its status.
const UNREAD: usize = 100;

/// Asks for lists and leaves them unread. Returns how many of them were refused.
fn unread(server: &Server) -> (Vec<TcpStream>, usize) {
    let mut refused = 0;
    let ask = |_| {
        let mut stream = server.connect();
        stream.write_all(b"GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        refused += usize::from(status == *b"HTTP/1.1 503");
        stream
    };
    let streams = (0..UNREAD).map(ask).collect();
    (streams, refused)
}
