//! A cluster that refuses the credentials is not asked again and again: it would lock the user.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ccs_modules::mirror::Freshness;
use ccs_modules_host::mirror::{MirrorSettings, StoreMirror};
use ccs_modules_host::stores::{Cluster, read_credentials};
use ccs_modules_host::{Ccs as _, CcsError};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::cluster::mirror::until;
use crate::cluster::upstream::{Answer, Upstream};
use crate::support::process::command;
use crate::support::serving::{Serving, until as until_async};

const LIST: &str = "[{\"uid\":\"a\"}]\n";

#[tokio::test]
async fn a_command_asks_once() {
    let nodes = refusing().await;
    for arguments in [&["list"][..], &["get", "a"], &["export"]] {
        let before = requests(&nodes);
        let mut command = command(&[arguments, &["--store", &urls(&nodes)]].concat());
        let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(requests(&nodes) - before, 1, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_watch_asks_once_with_the_same_credentials() {
    let nodes = refusing().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    write(&file, "old");
    let store = format!("{}?credentials={}", urls(&nodes), file.display());
    let mut watching =
        command(&["watch", "--store", &store, "--refresh", "10ms", "--until", "search"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    until(|| requests(&nodes) == 1).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(requests(&nodes), 1);

    let search = r#"[{"module_name":"search","uid":"a"}]"#;
    nodes[0].answer(Answer::list(search));
    write(&file, "new");
    let ended = spawn_blocking(move || watching.wait().unwrap()).await.unwrap();
    assert_eq!((ended.code(), requests(&nodes)), (Some(0), 2));
}

#[tokio::test]
async fn a_store_fails_without_a_request_until_there_are_new_credentials() {
    let nodes = refusing().await;
    let (folder, cluster) = with_file(&nodes);
    for _ in 0..3 {
        let error = cluster.list_documents().await.unwrap_err();
        assert!(matches!(error, CcsError::Denied(_)), "{error:?}");
        cluster.get_document("a").await.unwrap_err();
    }
    assert_eq!(requests(&nodes), 1);
    write(&folder.path().join("credentials.json"), "new");
    cluster.list_documents().await.unwrap_err();
    assert_eq!(requests(&nodes), 2);
}

#[tokio::test]
async fn calls_side_by_side_log_in_twice_at_most() {
    let nodes = refusing().await;
    let (_folder, cluster) = with_file(&nodes);
    let cluster = std::sync::Arc::new(cluster);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let cluster = cluster.clone();
        calls.spawn(async move { cluster.list_documents().await.unwrap_err() });
    }
    calls.join_all().await;
    assert!(requests(&nodes) <= 2, "{}", requests(&nodes));
}

#[tokio::test]
async fn a_mirror_tries_new_credentials_at_once() {
    let nodes = refusing().await;
    let (folder, cluster) = with_file(&nodes);
    let refresh = Duration::from_millis(10);
    let settings = MirrorSettings { refresh, ..MirrorSettings::default() };
    let mirror = StoreMirror::start(cluster, settings).await.unwrap();
    until(|| mirror.status().fetches.failed == 1).await;
    sleep(Duration::from_millis(1300)).await;
    assert_eq!(requests(&nodes), 1);

    for node in &nodes {
        node.answer(Answer::list(LIST));
    }
    write(&folder.path().join("credentials.json"), "new");
    until(|| matches!(mirror.status().freshness, Ok(Freshness::Fresh { .. }))).await;
    assert_eq!(mirror.status().fetches.failed, 1);
}

#[tokio::test]
async fn failures_of_each_node_and_of_the_credentials_file_are_in_the_metrics() {
    let nodes =
        [Upstream::start(Answer::status(500)).await, Upstream::start(Answer::list(LIST)).await];
    let (folder, cluster) = with_file(&nodes);
    let file = folder.path().join("credentials.json");
    let refresh = Duration::from_millis(10);
    let server =
        Serving::mirror(cluster, MirrorSettings { refresh, ..MirrorSettings::default() }).await;
    let metric = async |line: &str| {
        let line = format!("\nccs_modules_{line}\n");
        until_async(async || server.metrics.text().contains(&line)).await;
    };

    let failures =
        |node: &Upstream| format!("mirror_node_failures_total{{node=\"{}\"}}", node.url());
    metric(&format!("{} 1", failures(&nodes[0]))).await;
    metric(&format!("{} 0", failures(&nodes[1]))).await;

    metric("file_refused{file=\"credentials\"} 0").await;
    fs::write(&file, "nonsense").unwrap();
    metric("file_refused{file=\"credentials\"} 1").await;
    write(&file, "new");
    metric("file_refused{file=\"credentials\"} 0").await;
}

/// Nodes that refuse the credentials.
async fn refusing() -> [Upstream; 3] {
    [
        Upstream::start(Answer::status(401)).await,
        Upstream::start(Answer::status(403)).await,
        Upstream::start(Answer::status(401)).await,
    ]
}

/// The cluster of these nodes, with its credentials in a file of a folder.
fn with_file(nodes: &[Upstream]) -> (TempDir, Cluster) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    write(&file, "old");
    let address = format!("{}?credentials={}", urls(nodes), file.display()).parse().unwrap();
    let cluster = Cluster::new(&address, Some(read_credentials(&file).unwrap())).unwrap();
    (folder, cluster)
}

fn write(file: &Path, password: &str) {
    fs::write(file, format!(r#"{{"user":"ann","password":"{password}"}}"#)).unwrap();
}

fn urls(nodes: &[Upstream]) -> String {
    nodes.iter().map(Upstream::url).collect::<Vec<_>>().join(",")
}

/// The number of requests that the nodes got.
fn requests(nodes: &[Upstream]) -> usize {
    nodes.iter().map(|node| node.heads().len()).sum()
}
