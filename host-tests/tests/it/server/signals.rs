//! Signals, and the end of a process whose store hangs.

use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::command;
use crate::support::process::Server;
use crate::support::wire::Wire;

/// Options for a store that never answers, and for how long requests wait for it.
struct HungFile {
    folder: TempDir,
    store: String,
}

impl HungFile {
    /// A named pipe that nobody writes to: opening it hangs, as on a network file system that is gone.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("modules.json");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { folder, store: path.to_str().unwrap().to_owned() }
    }
}

#[tokio::test]
async fn sighup_is_taken_from_the_start() {
    let folder = TempDir::new().unwrap();
    for _ in 0..10 {
        let mut server = Server::start(&folder, &[]);
        server.signal("HUP");
        server.stop();
    }
}

#[tokio::test]
async fn a_hung_read_does_not_keep_the_server() {
    let file = HungFile::new();
    let limits = ["--request-timeout", "100ms", "--store-timeout", "50ms"];
    let options = [&["--store", &file.store][..], &limits].concat();
    let mut server = Server::start(&file.folder, &options);
    let reply = Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
    assert_eq!(reply.status, 503);
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn a_hung_read_does_not_keep_a_command() {
    let file = HungFile::new();
    let started = Instant::now();
    let output = command(&["watch", "--store", &file.store, "--timeout", "50ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: 50ms passed\n");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let file = HungFile::new();
    let limits = ["--request-timeout", "1h", "--store-timeout", "1h"];
    let options = [&["--store", &file.store][..], &limits].concat();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start(&file.folder, &options);
        let mut wire = Wire::connect(server.address).await;
        // The first response shows that the server has read the requests.
        let requests = ["/healthz", "/v1/modules"];
        let requests =
            requests.map(|path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).concat();
        wire.send(requests).await;
        assert_eq!(wire.reply("GET").await.status, 200);
        server.signal("TERM");
        server.logged("stopping").await;
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(code));
    }
}
