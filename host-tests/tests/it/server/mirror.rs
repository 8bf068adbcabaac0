//! Answers from a mirror of a store.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::{ConnectionLimits, Settings};
use ccs_modules_host::stores::{File, Scripted};
use ccs_modules_host::{Ccs, CcsError};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::gate::Gate;
use crate::support::serving::{Serving, often, open_to_all, until};
use crate::support::wire::Wire;

const LONG: Duration = Duration::from_secs(3600);
const LIST: &str = "GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n";

#[tokio::test]
async fn an_answer_shows_one_moment_and_none_goes_back() {
    let store = Arc::new(Generations { is_changing: true, ..Generations::default() });
    let server = Serving::mirror(Source::store(store), often()).await;
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let address = server.address;
        clients.spawn(async move {
            let mut wire = Wire::connect(address).await;
            let (mut last, mut changes) = (0, 0);
            while changes < 10 {
                let reply = wire.ask("GET", "/v1/modules").await;
                let list: Vec<Value> = serde_json::from_slice(&reply.body).unwrap();
                let generation = list[0]["version"].as_u64().unwrap();
                assert_eq!(list.len(), DOCUMENTS);
                assert!(list.iter().all(|module| module["version"] == generation), "{list:?}");
                assert!(generation >= last, "{generation} after {last}");
                changes += u64::from(generation > last);
                let one = wire.ask("GET", "/v1/modules/7").await;
                let module: Value = serde_json::from_slice(&one.body).unwrap();
                last = module["version"].as_u64().unwrap();
                assert!(last >= generation, "{last} after {generation}");
            }
        });
    }
    clients.join_all().await;
}

#[tokio::test]
async fn the_first_answers_wait_for_the_store_and_no_later_one_does() {
    let gate = Gate::closed();
    let server = Serving::mirror(Source::store(gate.clone()), often()).await;
    gate.asked().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(server.address).await;
        assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
        wire.send(LIST).await;
        clients.push(wire);
    }
    gate.open();
    for wire in &mut clients {
        assert_eq!(wire.reply("GET").await.status, 200);
    }

    // From now on the store never answers.
    gate.asked().await;
    for wire in &mut clients {
        for target in ["/v1/modules", "/v1/modules?fits=7.4", "/readyz", "/healthz"] {
            assert_eq!(wire.ask("GET", target).await.status, 200, "{target}");
        }
        assert_eq!(wire.ask("GET", "/v1/modules/a").await.status, 404);
    }
    assert!(server.metrics.text().contains("mirror_fetches_total{outcome=\"failed\"} 0\n"));
}

#[tokio::test]
async fn requests_read_no_store_and_failures_need_no_request() {
    let store = Arc::new(Generations::default());
    let server = Serving::mirror(Source::store(store.clone()), MirrorSettings::default()).await;
    let mut wire = Wire::connect(server.address).await;
    for target in ["/v1/modules", "/readyz", "/v1/modules/7", "/v1/modules?latest=true"] {
        assert_eq!(wire.ask("GET", target).await.status, 200, "{target}");
    }
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);

    let store = Arc::new(Generations::default());
    let server = Serving::mirror(Source::store(store.clone()), often()).await;
    until(async || server.metrics.text().contains("\nccs_modules_catalog_stale 0\n")).await;
    assert!(server.metrics.text().contains("\nccs_modules_catalog_modules "));
    store.fails.store(true, Ordering::SeqCst);
    until(async || server.metrics.text().contains("\nccs_modules_catalog_stale 1\n")).await;
    store.fails.store(false, Ordering::SeqCst);
    until(async || server.metrics.text().contains("\nccs_modules_catalog_stale 0\n")).await;
}

#[tokio::test]
async fn the_last_good_catalog_answers_until_it_is_too_old_and_then_the_store_s_error() {
    for stale_if_error in [LONG, Duration::from_millis(20)] {
        let store = Arc::new(Generations::default());
        let settings = MirrorSettings { stale_if_error, ..often() };
        let server = Serving::mirror(Source::store(store.clone()), settings).await;
        let mut wire = Wire::connect(server.address).await;
        let mut answers = async |status: u16, text: &str| {
            let reply = wire.ask("GET", "/v1/modules").await;
            let cache_status = reply.header("cache-status").unwrap_or_default();
            reply.status == status && (cache_status.contains(text) || reply.text().contains(text))
        };
        until(async || answers(200, "ttl=0").await).await;

        store.fails.store(true, Ordering::SeqCst);
        let status = if stale_if_error == LONG { 200 } else { 503 };
        until(async || answers(status, "out of order").await).await;
        let mut other = Wire::connect(server.address).await;
        assert_eq!(other.ask("GET", "/readyz").await.status, status);
        assert_eq!(other.ask("GET", "/v1/other").await.status, 404);

        store.fails.store(false, Ordering::SeqCst);
        until(async || answers(200, "ttl=0").await).await;
        until(async || other.ask("GET", "/readyz").await.status == 200).await;
    }
}

#[tokio::test]
async fn a_malformed_catalog_is_named_by_every_answer() {
    let store = Scripted::documents([r#"{"uid":"a"}"#, r#"{"uid":1}"#]);
    let server = Serving::mirror(Source::store(store), MirrorSettings::default()).await;
    let mut wire = Wire::connect(server.address).await;
    for target in ["/v1/modules", "/v1/modules/a", "/v1/modules?latest=true"] {
        let reply = wire.ask("GET", target).await;
        assert_eq!(reply.status, 500);
        assert!(reply.text().contains("\"malformed_document\""), "{}", reply.text());
        assert!(reply.text().contains("document at index 1"), "{}", reply.text());
    }
    assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
}

#[tokio::test]
async fn a_file_that_does_not_change_is_not_read_again() {
    let folder = TempDir::new().unwrap();
    let (path, new) = (folder.path().join("modules.json"), folder.path().join("new.json"));
    fs::write(&path, "[]\n").unwrap();
    let mirror = StoreMirror::start(Source::store(File::new(&path)), often()).await.unwrap();
    let fetches = || mirror.status().fetches;
    until(async || fetches().unchanged >= 2).await;
    fs::write(&new, r#"[{"uid":"a"}]"#).unwrap();
    fs::rename(&new, &path).unwrap();
    until(async || fetches().changed == 2).await;
    let unchanged = fetches().unchanged;
    until(async || fetches().unchanged >= unchanged + 2).await;
    assert_eq!((fetches().changed, fetches().failed), (2, 0));
}

#[tokio::test]
async fn a_store_is_left_alone_for_as_long_as_a_read_takes() {
    let store = Arc::new(Slow::default());
    let reads = || store.reads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let _mirror = StoreMirror::start(Source::store(store.clone()), often()).await.unwrap();
    until(async || reads().len() >= 4).await;
    for pair in reads().windows(2) {
        let [(asked, answered), (next, _)] = pair else { unreachable!() };
        assert!(*next - *answered >= *answered - *asked, "{pair:?}");
    }
}

#[tokio::test]
async fn lists_that_clients_do_not_take_leave_room_for_others() {
    let documents =
        (0..20).map(|uid| format!("{{\"a\":\"{}\",\"uid\":\"{uid}\"}}", "x".repeat(900_000)));
    let store = Source::store(Scripted::documents(documents));
    let mirror = StoreMirror::start(store, MirrorSettings::default()).await.unwrap();
    // Room for one list, and for requests.
    let limits = ConnectionLimits { in_flight_bytes: 20_000_000, ..ConnectionLimits::default() };
    let server = Serving::answering(mirror, Settings { limits, ..open_to_all() }).await;
    let mut idle = Vec::new();
    for answers in 1..=4 {
        let mut wire = Wire::connect(server.address).await;
        wire.send(LIST).await;
        let answered = format!("http_requests_total{{status=\"200\"}} {answers}\n");
        until(async || server.metrics.text().contains(&answered)).await;
        idle.push(wire);
    }
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules/7").await.status, 200);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);

    // Clients that give up cost nothing either.
    drop(idle);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
    assert!(server.metrics.text().contains("mirror_fetches_total{outcome=\"changed\"} 1\n"));
}

#[tokio::test]
async fn a_probe_does_not_wait_for_lookups() {
    let document = |uid| format!(r#"{{"module_name":"m{uid}","uid":"{uid}","version":1}}"#);
    let store = Source::store(Scripted::documents((0..5000).map(document)));
    let server = Serving::mirror(store, MirrorSettings::default()).await;
    let (mut looking, mut probing) =
        (Wire::connect(server.address).await, Wire::connect(server.address).await);
    until(async || probing.ask("GET", "/readyz").await.status == 200).await;
    looking.send("GET /v1/modules?fits=7.4 HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // The server and its clients share one thread here, so this one waits for all that is done on it.
    tokio::select! {
        biased;
        _ = looking.reply("GET") => panic!("the probe has waited for the lookup"),
        reply = probing.ask("GET", "/healthz") => assert_eq!(reply.status, 200),
    }
}

/// A store whose documents all have its generation as their version.
#[derive(Default)]
struct Generations {
    /// Whether each read finds another generation.
    is_changing: bool,
    reads: AtomicU64,
    fails: AtomicBool,
}

const DOCUMENTS: usize = 20;

#[async_trait]
impl Ccs for Generations {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(CcsError::Unavailable("out of order".into()));
        }
        let reads = self.reads.fetch_add(1, Ordering::SeqCst);
        let generation = if self.is_changing { reads } else { 0 };
        let document = |uid| format!(r#"{{"uid":"{uid}","version":{generation}}}"#).into_bytes();
        Ok((0..DOCUMENTS).map(document).collect())
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        unreachable!("a mirror lists")
    }
}

/// An empty store that notes when it was asked, and when it answered.
#[derive(Default)]
struct Slow {
    reads: Mutex<Vec<(Instant, Instant)>>,
}

#[async_trait]
impl Ccs for Slow {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        let asked = Instant::now();
        sleep(Duration::from_millis(20)).await;
        self.reads.lock().unwrap().push((asked, Instant::now()));
        Ok(Vec::new())
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        unreachable!("a mirror lists")
    }
}
