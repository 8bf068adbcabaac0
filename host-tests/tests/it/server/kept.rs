//! Instances that keep a snapshot of the store.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules_host::server::{Answering, KeptSettings, Settings};
use ccs_modules_host::stores::{File, Scripted};
use ccs_modules_host::{CallLimits, Ccs, CcsError, Standalone, artifacts};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use crate::gate::Gate;
use crate::serving::{Serving, open_to_all, plugin};
use crate::wire::Wire;

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_answer_shows_one_moment_and_none_goes_back() {
    const GENERATIONS: u64 = 40;
    let store = Arc::new(Generations::default());
    let standalone = standalone();
    let server = serve(store.clone(), &standalone, Duration::ZERO, Duration::ZERO).await;
    let mut wire = Wire::connect(server.address).await;
    wire.ask("GET", "/v1/modules/0").await;
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (address, standalone) = (server.address, standalone.clone());
        clients.spawn(async move {
            let mut wire = Wire::connect(address).await;
            let (mut last, mut seen) = (0, 0);
            while last < GENERATIONS {
                let reply = wire.ask("GET", "/v1/modules").await;
                let list: Vec<Value> = serde_json::from_slice(&reply.body).unwrap();
                let generation = list[0]["version"].as_u64().unwrap();
                assert_eq!(list.len(), DOCUMENTS);
                assert!(list.iter().all(|module| module["version"] == generation), "{list:?}");
                assert!(generation >= last, "{generation} after {last}");
                seen += u64::from(generation > last);
                last = generation;
                let one = wire.ask("GET", "/v1/modules/7").await;
                let module: Value = serde_json::from_slice(&one.body).unwrap();
                assert!(module["version"].as_u64().unwrap() >= last);
                last = module["version"].as_u64().unwrap();
                assert!(standalone.kept() <= 2 * standalone.copies());
            }
            seen
        });
    }
    for _ in 0..GENERATIONS {
        store.generation.fetch_add(1, Ordering::SeqCst);
        wire.ask("GET", "/v1/modules/0").await;
    }
    let seen: u64 = clients.join_all().await.into_iter().sum();
    assert!(seen > 4, "the clients saw {seen} changes");
    // The snapshot that was replaced last is dropped with the last answer from it.
    while standalone.kept() > standalone.copies() {
        yield_now().await;
    }
    assert_eq!(standalone.opened(), (GENERATIONS + 1) * standalone.copies() as u64);
}

#[tokio::test]
async fn a_file_that_changes_is_opened_again_and_only_then() {
    let folder = TempDir::new().unwrap();
    let (path, new) = (folder.path().join("modules.json"), folder.path().join("new.json"));
    fs::write(&path, "[]\n").unwrap();
    let standalone = standalone();
    let server = serve(File::new(&path), &standalone, Duration::ZERO, Duration::ZERO).await;
    let mut wire = Wire::connect(server.address).await;
    for (round, body) in [r#"[{"uid":"a"}]"#, "[]", r#"[{"uid":"b"}]"#].iter().enumerate() {
        fs::write(&new, body).unwrap();
        fs::rename(&new, &path).unwrap();
        for _ in 0..3 {
            let reply = wire.ask("GET", "/v1/modules").await;
            assert_eq!(reply.text().trim_end(), *body);
        }
        assert_eq!(standalone.opened(), (round as u64 + 1) * standalone.copies() as u64);
    }
}

#[tokio::test]
async fn a_store_is_asked_once_within_the_age_and_by_all_together() {
    let store = Counting::default();
    let asked = store.asked.clone();
    let server = serve(store, &standalone(), LONG, Duration::ZERO).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..5 {
        assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
        assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let gate = Gate::closed();
    let server = serve(gate.clone(), &standalone(), LONG, Duration::ZERO).await;
    let (mut clients, sent) = (JoinSet::new(), Arc::new(Barrier::new(5)));
    for _ in 0..4 {
        let (address, sent) = (server.address, sent.clone());
        clients.spawn(async move {
            let mut wire = Wire::connect(address).await;
            wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
            sent.wait().await;
            wire.reply("GET").await.status
        });
    }
    sent.wait().await;
    gate.asked().await;
    gate.open();
    assert_eq!(clients.join_all().await, [200; 4]);
}

#[tokio::test]
async fn a_failure_is_told_at_once_or_after_the_last_snapshot_is_too_old() {
    for (stale_if_error, status) in [(Duration::ZERO, 503), (LONG, 200)] {
        let store = Arc::new(Generations::default());
        let server = serve(store.clone(), &standalone(), Duration::ZERO, stale_if_error).await;
        let mut wire = Wire::connect(server.address).await;
        let before = wire.ask("GET", "/v1/modules").await;
        assert_eq!(before.status, 200);

        store.fails.store(true, Ordering::SeqCst);
        let failed = wire.ask("GET", "/v1/modules").await;
        assert_eq!(failed.status, status, "{failed:?}");
        match status {
            200 => assert_eq!(failed.body, before.body),
            _ => assert!(failed.text().contains("out of order"), "{}", failed.text()),
        }
        assert_eq!(wire.ask("GET", "/readyz").await.status, status);
        assert_eq!(wire.ask("GET", "/v1/other").await.status, 404);

        store.fails.store(false, Ordering::SeqCst);
        assert_eq!(wire.ask("GET", "/v1/modules").await.body, before.body);
        assert_eq!(wire.ask("GET", "/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn the_first_request_after_the_store_is_back_succeeds() {
    let store = Arc::new(Generations::default());
    store.fails.store(true, Ordering::SeqCst);
    let server = serve(store.clone(), &standalone(), LONG, LONG).await;
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 503);
    assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_kept_is_asked_for() {
    let documents = [r#"{"uid":"a"}"#, r#"{"uid":1}"#];
    let store = Scripted::documents(documents);
    let server = serve(store, &standalone(), LONG, Duration::ZERO).await;
    let mut wire = Wire::connect(server.address).await;
    let list = wire.ask("GET", "/v1/modules").await;
    assert_eq!(list.status, 500);
    assert!(list.text().contains("malformed_document"), "{}", list.text());
    assert_eq!(wire.ask("GET", "/v1/modules/a").await.body, b"{\"uid\":\"a\"}\n");
    assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
}

async fn serve(
    store: impl Ccs + 'static,
    standalone: &Standalone,
    max_age: Duration,
    stale_if_error: Duration,
) -> Serving {
    let kept = KeptSettings { standalone: standalone.clone(), max_age, stale_if_error };
    let settings = Settings { answering: Answering::Kept(kept), ..open_to_all() };
    Serving::start(plugin(), store, settings).await
}

fn standalone() -> Standalone {
    Standalone::load(&artifacts::STANDALONE.wasm, CallLimits::default()).unwrap()
}

/// A store whose documents all have its generation as their version.
#[derive(Default)]
struct Generations {
    generation: AtomicU64,
    fails: AtomicBool,
}

const DOCUMENTS: usize = 20;

#[async_trait]
impl Ccs for Generations {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(CcsError::Unavailable("out of order".into()));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let document = |uid| format!(r#"{{"uid":"{uid}","version":{generation}}}"#).into_bytes();
        Ok((0..DOCUMENTS).map(document).collect())
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        unreachable!("a snapshot is listed")
    }
}

/// An empty store that counts the lists.
#[derive(Default)]
struct Counting {
    asked: Arc<AtomicU64>,
}

#[async_trait]
impl Ccs for Counting {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        unreachable!("a snapshot is listed")
    }
}
