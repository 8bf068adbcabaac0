//! Stores that have too much, or whose answers never end.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::thread;

use tempfile::TempDir;

use crate::process::Server;
use crate::redis::{self, Answer};

const MIB: usize = 1 << 20;

/// The limit of a store's answer, 64 MiB.
const LIMIT: &str = "67108864";

/// The memory of a server after a few requests, with the plugin loaded, and some room.
const AT_REST: usize = 128 * MIB;

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    // As long as 10,000 documents of 1 MiB; a sparse file takes no disk.
    File::create(&path).unwrap().set_len(10_000 * MIB as u64).unwrap();
    let server = start(&format!("file:{}", path.display()), &[]);
    for target in ["/v1/modules", "/v1/modules/a"] {
        let (status, body) = server.get(target);
        assert_eq!(status, 500);
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("is longer than 67108864 bytes"), "{body}");
        assert!(body.contains("\"error_code\":\"store_answer_too_long\""), "{body}");
    }
    at_most(&server, AT_REST + 64 * MIB);
}

#[test]
fn a_list_that_no_instance_can_hold_is_refused_to_many_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let mut body = String::from("[");
    for uid in 0..60 {
        let comma = if uid == 0 { "" } else { "," };
        write!(body, "{comma}{{\"a\":\"{}\",\"uid\":\"{uid}\"}}", "x".repeat(MIB - 100)).unwrap();
    }
    body.push(']');
    fs::write(&path, body).unwrap();
    let store = format!("file:{}", path.display());
    let options = ["--component", "--max-instances", "4", "--max-instance-memory", LIMIT];
    let server = start(&store, &options);
    all(&server, 8, "/v1/modules", &[500, 503]);
    assert_eq!(server.get("/v1/modules/59").0, 200, "one of them is no trouble");
    // The file, its documents, and for each instance its memory and its copy of the documents.
    at_most(&server, AT_REST + (2 + 4 * 2) * 64 * MIB);
}

#[test]
fn a_depth_bomb_in_a_file_is_malformed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    for bomb in ["[".repeat(60 * MIB), format!("[{}", "{\"a\":".repeat(12 * MIB))] {
        fs::write(&path, bomb).unwrap();
        let server = start(&format!("file:{}", path.display()), &[]);
        all(&server, 4, "/v1/modules", &[500, 503]);
        at_most(&server, AT_REST + 2 * 64 * MIB);
    }
}

#[test]
fn a_redis_that_never_ends_its_answer_is_cut_off() {
    // The limit of all bytes that are read at once, kept in a buffer that doubles as it grows.
    const BUFFERED: usize = 2 * 64 * MIB;
    // The same limit where replies are parsed: the smallest value takes 4 bytes on the wire and 56
    // in memory.
    const PARSED: usize = 2 * 14 * 64 * MIB;
    for (answer, kept) in [
        (Answer::Endless("$9000000000000000000\r\n", "x"), BUFFERED),
        (Answer::Endless("+", "x"), BUFFERED),
        (Answer::Endless("-", "x"), BUFFERED),
        (Answer::Endless("", "*1\r\n"), BUFFERED),
        (Answer::Endless("", "+OK\r\n"), BUFFERED),
        (Answer::Endless("*9000000000000000000\r\n", ":1\r\n"), PARSED),
        (Answer::Endless("*9000000000000000000\r\n", "*0\r\n"), PARSED),
        (Answer::Endless("*100000000\r\n", "$1\r\nx\r\n"), PARSED),
    ] {
        let server = over(answer);
        all(&server, 4, "/v1/modules", &[500, 503]);
        at_most(&server, AT_REST + kept);
    }
}

#[test]
fn a_redis_that_answers_too_much_is_named() {
    let server = over(Answer::Endless("$9000000000000000000\r\n", "x"));
    let (status, body) = server.get("/v1/modules");
    let body = String::from_utf8(body).unwrap();
    // On a slow machine the time limit is reached first.
    assert!(
        status == 500 && body.contains("is longer than 67108864 bytes")
            || status == 503 && body.contains("did not answer within"),
        "{body}"
    );
}

#[test]
fn a_redis_that_claims_much_and_sends_nothing_costs_nothing() {
    for answer in [
        Answer::Only("*9223372036854775807\r\n"),
        Answer::Only("%9223372036854775807\r\n"),
        Answer::Only("$9223372036854775807\r\n"),
        Answer::Only("*-9223372036854775808\r\n"),
        Answer::Only("$-2\r\n"),
        Answer::Only("=-1\r\n"),
        Answer::Only("*2\r\n*1000000000000\r\n"),
        Answer::Silent,
    ] {
        let server = over(answer);
        all(&server, 4, "/v1/modules", &[200, 500, 503]);
        at_most(&server, AT_REST);
    }
}

fn over(answer: Answer) -> Server {
    let address = redis::start(answer);
    start(&format!("redis://{address}"), &["--store-timeout", "5s"])
}

/// Starts a server over this store with a limit of 64 MiB for a store's answer.
fn start(store: &str, options: &[&str]) -> Server {
    Server::start(&[&["--store", store, "--max-store-bytes", LIMIT], options].concat())
}

/// Sends `count` requests at once, and checks that each gets one of these statuses and that other
/// requests are served meanwhile.
fn all(server: &Server, count: usize, target: &str, statuses: &[u16]) {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..count).map(|_| scope.spawn(|| server.get(target).0)).collect();
        for _ in 0..10 {
            assert_eq!(server.get("/healthz").0, 200);
        }
        for asked in asking {
            let status = asked.join().unwrap();
            assert!(statuses.contains(&status), "{status}");
        }
    });
    assert_eq!(server.get("/healthz").0, 200);
}

fn at_most(server: &Server, bytes: usize) {
    let peak = server.peak();
    assert!(peak <= bytes, "{} MiB, and at most {} MiB allowed", peak / MIB, bytes / MIB);
}
