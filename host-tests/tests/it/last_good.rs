//! A store that breaks while it is served: the last good catalog is served on.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use crate::support::process::Server;
use crate::support::serving::until;
use crate::support::wire::{Reply, Wire};

const GOOD: &str = "[{\"uid\":\"a\"}]\n";
const BETTER: &str = "[{\"uid\":\"b\"}]\n";

#[tokio::test]
async fn a_file_that_breaks_changes_no_answer_and_is_logged_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    fs::write(&path, GOOD).unwrap();
    let store = path.to_str().unwrap();
    let mut server = Server::start(
        &folder,
        &["--store", store, "--refresh", "200ms", "--metrics", "127.0.0.1:0"],
    );
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules").await.text(), GOOD);
    until(async || stale(&server).await == "0").await;

    // A file half-written in place, a malformed document, and no file at all.
    for (body, why) in [
        (Some("[{\"uid\":"), "line 1, column 8: unexpected end"),
        (Some("[{\"uid\":7}]"), "field uid: a number"),
        (None, "there is no such file"),
    ] {
        match body {
            Some(body) => fs::write(&path, body).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        until(async || {
            assert_eq!(answer(&mut wire).await, GOOD);
            server.log().contains(why)
        })
        .await;
        for _ in 0..20 {
            assert_eq!(answer(&mut wire).await, GOOD);
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
        until(async || stale(&server).await == "1").await;
        let reply = wire.ask("GET", "/v1/modules").await;
        assert!(reply.header("age").is_some());
        let cache_status = reply.header("cache-status").unwrap();
        assert!(cache_status.contains("; ttl=-") && cache_status.contains(why), "{cache_status}");
    }

    replace(&path, BETTER);
    until(async || answer(&mut wire).await == BETTER).await;
    until(async || stale(&server).await == "0").await;
    server.stop();
    let log = server.log();
    for why in [
        "column 8: unexpected end",
        "field uid: a number",
        "no such file",
        "the store answers again",
    ] {
        assert_eq!(log.matches(why).count(), 1, "{why} in {log}");
    }
}

async fn answer(wire: &mut Wire) -> String {
    let Reply { status, body, .. } = wire.ask("GET", "/v1/modules").await;
    assert_eq!(status, 200);
    String::from_utf8(body).unwrap()
}

/// The metric that says whether the catalog is stale.
async fn stale(server: &Server) -> String {
    let mut wire = Wire::connect(server.metrics.unwrap()).await;
    let reply = wire.ask("GET", "/metrics").await;
    let name = "\nccs_modules_catalog_stale ";
    let (_, value) = reply.text().split_once(name).unwrap_or_else(|| panic!("{}", reply.text()));
    value.lines().next().unwrap().to_owned()
}

/// Replaces a file atomically: a new one is renamed over it.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}
