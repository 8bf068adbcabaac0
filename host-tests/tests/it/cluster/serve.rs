//! `serve` over a mirror, as a process.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::cluster::upstream::{Answer, Upstream};
use crate::support::process::{Server, command};
use crate::support::serving::until;
use crate::support::wire::Wire;

const LIST: &str = "[{\"uid\":\"a\"}]\n";

#[tokio::test]
async fn an_outage_is_logged_once_and_its_end_once() {
    let folder = TempDir::new().unwrap();
    let mut node = Upstream::start(Answer::list(LIST)).await;
    let snapshot = folder.path().join("snapshot.json");
    let mut server = Server::start(
        &folder,
        &[
            "--store",
            &node.url(),
            "--refresh",
            "500ms",
            "--snapshot-file",
            snapshot.to_str().unwrap(),
        ],
    );
    server.logged("the catalog is kept").await;
    node.kill().await;
    server.logged("the last good catalog is served").await;
    let mut wire = Wire::connect(server.address).await;
    let reason = format!("{}: connection refused", node.url());
    until(async || {
        let reply = wire.ask("GET", "/v1/modules").await;
        assert_eq!((reply.status, reply.text()), (200, LIST));
        reply.header("cache-status").unwrap().contains(&reason)
    })
    .await;
    node.restart().await;
    server.logged("the store answers again").await;
    server.stop();

    let text = server.log();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in
        ["the catalog is kept", "the last good catalog is served", "the store answers again"]
    {
        let found = lines.iter().filter(|line| line["message"].as_str().unwrap().contains(message));
        assert_eq!(found.count(), 1, "{message} in {text}");
    }
    assert!(text.contains("without TLS, credentials can be read"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("YW5u"), "{text}");
    assert!(node.heads()[0].contains("\r\nauthorization: Basic YW5uOnMzY3JldA==\r\n"));

    // The server starts while the cluster is down.
    node.kill().await;
    let mut server = Server::start(
        &folder,
        &["--store", &node.url(), "--snapshot-file", snapshot.to_str().unwrap()],
    );
    let restored = Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
    assert_eq!((restored.status, restored.text()), (200, LIST));
    server.stop();
}

#[tokio::test]
async fn without_a_catalog_the_mirror_logs_the_reason_once_and_each_request_its_cause() {
    let folder = TempDir::new().unwrap();
    let node = Upstream::start(Answer::status(500)).await;
    let mut server = Server::start(&folder, &["--store", &node.url(), "--refresh", "10ms"]);
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        let reply = wire.ask("GET", "/v1/modules").await;
        assert_eq!(reply.status, 503);
        assert!(reply.text().contains(&format!("{} answered 500", node.url())), "{}", reply.text());
        assert!(!reply.text().contains("s3cret"), "{}", reply.text());
    }
    node.answer(Answer::list(LIST));
    server.logged("the store answers again").await;
    server.stop();
    let text = server.log();
    let why = format!("{} answered 500", node.url());
    let lines = |message: &str| {
        text.lines().filter(|line| line.contains(message) && line.contains(&why)).count()
    };
    assert_eq!((lines("there is no catalog to serve"), lines("request failed")), (1, 3), "{text}");
    assert_eq!(text.matches("there is no catalog to serve").count(), 1, "{text}");
}

#[tokio::test]
async fn each_change_of_the_catalog_is_logged_with_its_numbers() {
    let folder = TempDir::new().unwrap();
    let node = Upstream::start(Answer::list(LIST)).await;
    let mut server = Server::start(&folder, &["--store", &node.url(), "--refresh", "10ms"]);
    let changes = || {
        let log = server.log();
        // The last line may not be whole yet.
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let changes = lines.filter(|line| line["message"] == "the catalog has changed");
        let numbers =
            changes.map(|line| ["added", "removed", "changed"].map(|it| line[it].clone()));
        numbers.collect::<Vec<_>>()
    };

    for (list, logged) in [
        (LIST, [1, 0, 0]),
        (r#"[{"uid":"a","version":1},{"uid":"b"},{"uid":"c"}]"#, [2, 0, 1]),
        (r#"[{"uid":"c"}]"#, [0, 2, 0]),
    ] {
        node.answer(Answer::list(list));
        let last = || changes().pop() == Some(logged.map(Value::from));
        let waiting = async {
            while !last() {
                sleep(Duration::from_millis(5)).await
            }
        };
        timeout(Duration::from_secs(60), waiting)
            .await
            .unwrap_or_else(|_| panic!("{}", server.log()));
    }
    assert_eq!(changes().len(), 3, "{}", server.log());
    server.stop();
}

#[tokio::test]
async fn a_watch_of_a_mirror_sees_what_changes_in_the_cluster() {
    let folder = TempDir::new().unwrap();
    let node = Upstream::start(Answer::list(LIST)).await;
    let mut server = Server::start(&folder, &["--store", &node.url(), "--refresh", "10ms"]);
    server.logged("the catalog is kept").await;
    let store = format!("http://{}", server.address);
    let mut watching =
        command(&["watch", "--store", &store, "--refresh", "10ms", "--until", "bf@8"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let output = BufReader::new(watching.stdout.take().unwrap());
    let (sender, mut lines) = mpsc::unbounded_channel();
    let reading = spawn_blocking(move || {
        output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).unwrap();
    });

    // The first look may come after the first change, so there are changes until one is seen.
    let mut number = 0;
    let time = loop {
        number += 1;
        node.answer(Answer::list(&format!("[{{\"size\":{number},\"uid\":\"a\"}}]\n")));
        if let Ok(line) = timeout(Duration::from_millis(50), lines.recv()).await {
            break line.unwrap();
        }
    };
    assert!(time.ends_with('Z'), "{time}");
    let line = lines.recv().await.unwrap();
    assert!(line.starts_with("~ - - a"), "{line}");
    let bloom = r#"{"module_name":"bf","semantic_version":"8.0.1","uid":"b"}"#;
    node.answer(Answer::list(&format!("[{{\"uid\":\"a\"}},{bloom}]\n")));
    let waiting = async { while lines.recv().await.unwrap() != "+ bf 8.0.1 b" {} };
    timeout(Duration::from_secs(60), waiting).await.unwrap();
    reading.await.unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    server.stop();
}

#[test]
fn options_that_have_no_effect_are_refused() {
    const CLUSTER: &str = "http://127.0.0.1:1";
    for (arguments, code, text) in [
        (&["--snapshot-file", "x.json"][..], 1, "--snapshot-file needs a cluster"),
        (&["--component", "--snapshot-file", "x"], 2, "--snapshot-file <FILE>"),
        (&["--component", "--refresh", "1s"], 2, "--refresh <DURATION>"),
        (&["--component", "--stale-if-error", "1h"], 2, "--stale-if-error <DURATION>"),
        (&["--max-instances", "4"], 2, "--component"),
        (&["--max-instance-memory", "67108864"], 2, "--component"),
        (&["--refresh", "1h", "--stale-if-error", "1m"], 1, "is shorter than --refresh"),
        (&["--store", CLUSTER, "--stale-if-error", "1s"], 1, "is shorter than --refresh"),
        (&["--store", "http://127.0.0.1:1,http://127.0.0.1:1/"], 1, "the same as another"),
    ] {
        let output = command(&[&["serve"], arguments].concat()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(text), "{arguments:?}: {stderr}");
    }
}
