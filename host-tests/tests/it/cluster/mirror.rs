//! `serve` over a mirror of a cluster.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ccs_modules::mirror::Freshness;
use ccs_modules::upstream::Credentials;
use ccs_modules_host::mirror::{MirrorError, MirrorSettings, Source, StoreMirror};
use ccs_modules_host::stores::{Cluster, demo};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::cluster::upstream::{Answer, Upstream};
use crate::support::serving::{Serving, open_to_all, plugin, until as until_async};
use crate::support::text;
use crate::support::wire::Wire;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn an_answer_has_its_age_and_the_first_request_waits_for_it() {
    let body = generation(1);
    let node = Upstream::start(Answer::list(&body)).await;
    let server = serve(mirror(&[&node], LONG, LONG).await).await;
    let mut wire = Wire::connect(server.address).await;
    let reply = wire.ask("GET", "/v1/modules").await;
    assert_eq!((reply.status, reply.text()), (200, &*body));
    reply.header("age").unwrap().parse::<u64>().unwrap();
    let cache_status = reply.header("cache-status").unwrap();
    assert!(cache_status.starts_with("ccs-modules; hit; ttl="), "{cache_status}");
    let one = wire.ask("GET", "/v1/modules/3").await;
    assert_eq!(one.text(), "{\"uid\":\"3\",\"version\":1}\n");
    assert_eq!(wire.ask("GET", "/v1/modules/x").await.status, 404);
    assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
    assert_eq!(node.heads().len(), 1, "requests are answered from memory");
}

#[tokio::test]
async fn a_catalog_is_revalidated_with_if_none_match() {
    let node = Upstream::start(Answer::Tagged { body: generation(1), tag: "one" }).await;
    let mirror = mirror(&[&node], SHORT, LONG).await;
    until(|| mirror.status().fetches.unchanged >= 2).await;
    let heads = node.heads();
    assert!(!heads[0].contains("if-none-match"), "{}", heads[0]);
    assert!(heads[1].contains("\r\nif-none-match: \"one\"\r\n"), "{}", heads[1]);
    node.answer(Answer::Tagged { body: generation(2), tag: "two" });
    until(|| mirror.status().fetches.changed == 2).await;
}

#[tokio::test]
async fn no_request_fails_whatever_the_cluster_does() {
    let mut node = Upstream::start(Answer::list(&generation(0))).await;
    let foreign = Upstream::start(Answer::list(&generation(99))).await;
    let settings = MirrorSettings {
        refresh: SHORT,
        stale_if_error: LONG,
        timeout: Duration::from_millis(50),
        ..MirrorSettings::default()
    };
    let mirror = StoreMirror::start(cluster(&[&node]).at_most(1 << 20), settings).await.unwrap();
    until(|| mirror.status().fetches.changed == 1).await;
    let server = serve(mirror.clone()).await;
    let load = Load::start(&server);
    let faults = [
        Answer::Silence,
        Answer::reset(),
        Answer::truncated(),
        Answer::status(500),
        Answer::status(404),
        Answer::with(200, "content-type: text/html\r\n", "<html>"),
        Answer::list("[{\"uid\":"),
        Answer::list("[{\"uid\":1}]"),
        Answer::list(&" ".repeat(20 << 20)),
        Answer::redirect(&foreign.url()),
    ];
    for (generation_before, fault) in faults.into_iter().enumerate() {
        node.answer(fault);
        let failed = mirror.status().fetches.failed;
        until(|| mirror.status().fetches.failed >= failed + 2).await;
        if generation_before % 2 == 1 {
            node.kill().await;
            until(|| mirror.status().fetches.failed >= failed + 4).await;
            node.restart().await;
        }
        node.answer(Answer::list(&generation(generation_before as u64 + 1)));
        let changed = mirror.status().fetches.changed;
        until(|| mirror.status().fetches.changed > changed).await;
    }
    let answers = load.end_after(10).await;
    assert!(answers > 10, "{answers} answers");
    assert_eq!(foreign.heads(), [""; 0], "credentials go to configured nodes only");
}

#[tokio::test]
async fn past_the_age_every_answer_is_a_503_until_the_cluster_is_back() {
    let mut node = Upstream::start(Answer::list(&generation(1))).await;
    let mirror = mirror(&[&node], SHORT, Duration::from_millis(100)).await;
    let server = serve(mirror.clone()).await;
    let mut wire = Wire::connect(server.address).await;
    until_async(async || wire.ask("GET", "/v1/modules").await.status == 200).await;

    node.kill().await;
    let mut wire = Wire::connect(server.address).await;
    until_async(async || wire.ask("GET", "/v1/modules").await.status == 503).await;
    let asked = node.heads().len();
    for target in ["/v1/modules", "/v1/modules/3", "/v1/modules/unknown"] {
        let reply = wire.ask("GET", target).await;
        assert_eq!(reply.status, 503);
        assert!(reply.header("retry-after").is_some());
        let reason = format!("{}: connection refused", node.url());
        assert!(reply.text().contains(&reason), "{}", reply.text());
        assert!(!reply.text().contains("s3cret"), "{}", reply.text());
    }
    assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
    assert_eq!(wire.ask("GET", "/v1/other").await.status, 404);
    assert!(metrics(&server).contains("\nccs_modules_catalog_stale 1\n"));

    node.restart().await;
    until_async(async || wire.ask("GET", "/readyz").await.status == 200).await;
    // One fetch was enough; more may have followed since.
    assert!(node.heads().len() > asked);
    until_async(async || wire.ask("GET", "/v1/modules").await.status == 200).await;
}

#[tokio::test]
async fn without_a_catalog_the_response_has_the_kind_of_the_failure_as_with_the_component() {
    for (body, status, text) in [
        ("[{\"uid\":1}]", 500, "document at index 0: field uid: a number"),
        ("[{\"uid\":", 503, "the list is refused: line 1, column 8"),
        ("<html>", 503, "the list is refused: line 1, column 1"),
    ] {
        let node = Upstream::start(Answer::list(body)).await;
        for server in [
            serve(mirror(&[&node], LONG, LONG).await).await,
            Serving::start(plugin(), cluster(&[&node]), open_to_all()).await,
        ] {
            let mut wire = Wire::connect(server.address).await;
            let reply = wire.ask("GET", "/v1/modules").await;
            assert_eq!(reply.status, status, "{body}: {}", reply.text());
            assert!(reply.text().contains(text), "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_node_that_fails_is_followed_by_the_next_one() {
    let mut first = Upstream::start(Answer::list(&generation(1))).await;
    let second = Upstream::start(Answer::list(&generation(2))).await;
    let mirror = mirror(&[&first, &second], SHORT, LONG).await;
    until(|| mirror.status().fetches.changed == 1).await;
    assert_eq!(second.heads(), [""; 0]);
    first.kill().await;
    until(|| mirror.status().fetches.changed == 2).await;

    // The node that is not the primary redirects the mirror to the other one, and the credentials
    // go with it.
    first.restart().await;
    first.answer(Answer::list(&generation(3)));
    second.answer(Answer::redirect(&format!("{}/v1/modules", first.url())));
    until(|| mirror.status().fetches.changed == 3).await;
    assert!(mirror.status().fetches.redirected > 0);
    let heads = first.heads();
    assert!(heads.last().unwrap().contains("\r\nauthorization: Basic YW5uOnMzY3JldA==\r\n"));
}

#[tokio::test]
async fn fetches_and_the_age_are_counted() {
    let node = Upstream::start(Answer::list(&generation(1))).await;
    let server = serve(mirror(&[&node], LONG, LONG).await).await;
    Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
    let text = metrics(&server);
    for line in [
        "mirror_fetches_total{outcome=\"changed\"} 1",
        "mirror_fetches_total{outcome=\"failed\"} 0",
        "mirror_fetches_total{outcome=\"redirected\"} 0",
        "mirror_fetches_total{outcome=\"unchanged\"} 0",
        "store_duration_seconds_count 1",
        "catalog_stale 0",
    ] {
        assert!(text.contains(&format!("\nccs_modules_{line}\n")), "{line} is not in {text}");
    }
    assert!(text.contains("\nccs_modules_catalog_age_seconds "), "{text}");
}

#[tokio::test]
async fn a_start_while_the_cluster_is_down_answers_from_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("snapshot.json");
    let mut node = Upstream::start(Answer::Tagged { body: generation(7), tag: "seven" }).await;
    let first = with_file(&node, &path, SHORT).await.unwrap();
    until(|| first.status().fetches.unchanged >= 1 && path.exists()).await;
    drop(first);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("ann") && !text.contains("s3cret"), "{text}");
    node.kill().await;

    let server = serve(with_file(&node, &path, LONG).await.unwrap()).await;
    let mut wire = Wire::connect(server.address).await;
    let reply = wire.ask("GET", "/v1/modules").await;
    assert_eq!((reply.status, reply.text()), (200, &*generation(7)));
    assert_eq!(wire.ask("GET", "/readyz").await.status, 200);

    // The mirror asks the cluster whether the catalog is unchanged.
    node.restart().await;
    let second = with_file(&node, &path, SHORT).await.unwrap();
    until(|| second.status().fetches.unchanged >= 1).await;
    assert_eq!(second.status().fetches.changed, 0);
}

#[tokio::test]
async fn the_age_of_a_catalog_from_the_file_is_true() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("snapshot.json");
    let mut node = Upstream::start(Answer::Silence).await;
    node.kill().await;
    for (seconds, status) in [(100, 200), (3601, 503)] {
        let as_of = SystemTime::now() - Duration::from_secs(seconds);
        write_snapshot(&path, &node.url(), as_of);
        let server = serve(with_file(&node, &path, LONG).await.unwrap()).await;
        let reply = Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
        assert_eq!(reply.status, status, "{reply:?}");
        if status == 200 {
            let age: u64 = reply.header("age").unwrap().parse().unwrap();
            let passed = as_of.elapsed().unwrap().as_secs();
            assert!((seconds..=passed).contains(&age), "{age}, and {passed} have passed");
        }
    }
}

#[tokio::test]
async fn a_catalog_of_the_future_is_stale_and_answers_for_a_limited_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("snapshot.json");
    let mut node = Upstream::start(Answer::Silence).await;
    node.kill().await;
    write_snapshot(&path, &node.url(), SystemTime::now() + LONG);
    let default = MirrorSettings::default();
    let settings = MirrorSettings {
        refresh: SHORT,
        stale_if_error: Duration::from_secs(1),
        snapshot_file: Some(path),
        ..default
    };
    let mirror = StoreMirror::start(cluster(&[&node]), settings).await.unwrap();
    assert_eq!(
        (
            mirror.status().age,
            mirror.status().freshness.is_ok(),
            matches!(mirror.status().freshness, Ok(Freshness::Fresh { .. }))
        ),
        (None, true, false)
    );
    let server = serve(mirror).await;
    let mut wire = Wire::connect(server.address).await;
    let reply = wire.ask("GET", "/v1/modules").await;
    assert_eq!((reply.status, reply.header("age")), (200, None));
    let cache_status = reply.header("cache-status").unwrap();
    assert!(cache_status.starts_with("ccs-modules; hit; ttl=-"), "{cache_status}");
    assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
    assert!(metrics(&server).contains("\nccs_modules_catalog_stale 1\n"));
    assert!(!metrics(&server).contains("\nccs_modules_catalog_age"));
    until_async(async || wire.ask("GET", "/readyz").await.status == 503).await;
}

#[tokio::test]
async fn a_file_that_a_mirror_wrote_is_used_or_replaced_and_any_other_one_is_refused() {
    let folder = TempDir::new().unwrap();
    let table = fs::read_to_string(text::folder().join("../snapshot-files.json")).unwrap();
    let table: Value = serde_json::from_str(&table).unwrap();
    let node = Upstream::start(Answer::list(&generation(7))).await;

    for (index, file) in table["files"].as_array().unwrap().iter().enumerate() {
        // A mirror that was dropped may still write its own file.
        let path = folder.path().join(format!("{index}.json"));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let text = file["text"].as_str().unwrap();
        let text = text.replace("NODE", &node.url()).replace("NOW", &now.to_string());
        fs::write(&path, &text).unwrap();
        let started = with_file(&node, &path, SHORT).await;

        // The first fetch begins when this task waits.
        let found = match &started {
            Ok(mirror) if mirror.status().freshness.is_ok() => "catalog",
            Ok(_) => "damaged",
            Err(_) => "foreign",
        };
        assert_eq!(found, file["found"], "{text}");
        match started {
            Ok(mirror) => {
                until(|| mirror.status().fetches.unchanged >= 1).await;
                assert!(fs::read_to_string(&path).unwrap().contains(generation(7).trim()));
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(&path.display().to_string()), "{error}");
                assert!(error.contains("was not written by a mirror"), "{error}");
                assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is not lost");
            }
        }
    }
}

#[tokio::test]
async fn a_file_of_another_cluster_is_not_used() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("snapshot.json");
    let mut node = Upstream::start(Answer::Silence).await;
    node.kill().await;
    write_snapshot(&path, "http://elsewhere.example", SystemTime::now());
    let mirror = with_file(&node, &path, LONG).await.unwrap();
    assert_eq!(mirror.status().age, None);
    fs::write(&path, "").unwrap();
    assert_eq!(with_file(&node, &path, LONG).await.unwrap().status().age, None);
}

#[tokio::test]
async fn mirror_settings_that_contradict_each_other_are_refused() {
    let node = Upstream::start(Answer::Silence).await;
    let settings =
        MirrorSettings { refresh: LONG, stale_if_error: SHORT, ..MirrorSettings::default() };
    let error = StoreMirror::start(cluster(&[&node]), settings).await.unwrap_err();
    assert!(error.to_string().starts_with("stale_if_error_ms: "), "{error}");
    let snapshot_file = Some("snapshot.json".into());
    let settings = MirrorSettings { snapshot_file, ..MirrorSettings::default() };
    let error = StoreMirror::start(Source::store(demo()), settings).await.unwrap_err();
    assert_eq!(error.to_string(), "snapshot_file: expected a cluster");
}

/// Clients that check that each answer is whole, and never older than one before.
struct Load {
    ends: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(server: &Serving) -> Self {
        let (ends, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut clients = JoinSet::new();
        for _ in 0..3 {
            let (address, ends, answers) = (server.address, ends.clone(), answers.clone());
            clients.spawn(async move {
                let (mut wire, mut last) = (Wire::connect(address).await, 0);
                while !ends.load(Ordering::SeqCst) {
                    let reply = wire.ask("GET", "/v1/modules").await;
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    let list: Vec<Value> = serde_json::from_slice(&reply.body).unwrap();
                    let version = list[0]["version"].as_u64().unwrap();
                    assert_eq!(reply.text(), generation(version));
                    assert!(version >= last, "{version} after {last}");
                    assert!(reply.header("age").is_some() && reply.header("etag").is_some());
                    last = version;
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { ends, answers, clients }
    }

    /// Ends the clients after `more` further answers, and returns the number of all answers.
    async fn end_after(self, more: u64) -> u64 {
        let now = self.answers.load(Ordering::SeqCst);
        until(|| self.answers.load(Ordering::SeqCst) >= now + more).await;
        self.ends.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        self.answers.load(Ordering::SeqCst)
    }
}

/// A list whose modules all have this version.
fn generation(version: u64) -> String {
    let modules: Vec<_> =
        (0..20).map(|uid| format!("{{\"uid\":\"{uid}\",\"version\":{version}}}")).collect();
    format!("[{}]\n", modules.join(","))
}

fn write_snapshot(path: &Path, node: &str, as_of: SystemTime) {
    let as_of = as_of.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let text = format!("{{\"nodes\":[\"{node}\"],\"as_of_unix_ms\":{as_of},\"modules\":[]}}");
    fs::write(path, text).unwrap();
}

async fn serve(mirror: StoreMirror) -> Serving {
    Serving::answering(mirror, open_to_all()).await
}

async fn mirror(nodes: &[&Upstream], refresh: Duration, stale_if_error: Duration) -> StoreMirror {
    let settings = MirrorSettings { refresh, stale_if_error, ..MirrorSettings::default() };
    StoreMirror::start(cluster(nodes), settings).await.unwrap()
}

async fn with_file(
    node: &Upstream,
    path: &Path,
    refresh: Duration,
) -> Result<StoreMirror, MirrorError> {
    let snapshot_file = Some(path.into());
    let default = MirrorSettings::default();
    let settings = MirrorSettings { refresh, stale_if_error: LONG, snapshot_file, ..default };
    StoreMirror::start(cluster(&[node]), settings).await
}

fn cluster(nodes: &[&Upstream]) -> Cluster {
    let urls: Vec<_> = nodes.iter().map(|node| node.url()).collect();
    let credentials = Credentials::basic("ann", "s3cret").unwrap();
    Cluster::new(&urls.join(",").parse().unwrap(), Some(credentials)).unwrap()
}

fn metrics(server: &Serving) -> String {
    server.metrics.text()
}

pub async fn until(condition: impl Fn() -> bool) {
    until_async(async || condition()).await;
}
