//! Causes of failures: their error codes and their lines in the log.

use std::fs::{self, File};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules_host::mirror::{MirrorSettings, Source};
use ccs_modules_host::server::Settings;
use ccs_modules_host::stores::Scripted;
use ccs_modules_host::{CallLimits, Ccs, CcsError, Plugin, artifacts};
use tempfile::TempDir;

use crate::support::process::Server;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn an_answer_of_the_store_that_is_too_long_has_its_own_code() {
    let store = Scripted::Fails(CcsError::TooLong("m.json is longer than 9 bytes".into()));
    for server in [
        Serving::start(plugin(), store.clone(), open_to_all()).await,
        Serving::mirror(Source::store(store), MirrorSettings::default()).await,
    ] {
        let mut wire = Wire::connect(server.address).await;
        // Twice, to find effects of one request on the next.
        for _ in 0..2 {
            for target in ["/v1/modules", "/v1/modules/a"] {
                let reply = wire.ask("GET", target).await;
                assert_eq!(reply.status, 500, "{target}");
                assert_eq!(
                    reply.text(),
                    "{\"description\":\"the store's answer is too long: m.json is longer than 9 \
                     bytes\",\"error_code\":\"store_answer_too_long\"}\n"
                );
            }
        }
        assert_eq!(wire.ask("POST", "/v1/modules").await.status, 405);
        let ready = wire.ask("GET", "/readyz").await;
        assert_eq!(ready.status, 500);
        assert_eq!(
            ready.text(),
            "{\"description\":\"the store's answer is too long\",\
             \"error_code\":\"store_answer_too_long\"}\n"
        );
    }
}

#[tokio::test]
async fn a_store_that_stalls_is_named_with_its_time_limit() {
    let time = Duration::from_millis(20);
    let limits = CallLimits { store_timeout: time, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let settings = MirrorSettings { timeout: time, ..MirrorSettings::default() };
    for server in [
        Serving::start(&plugin, Archive, open_to_all()).await,
        Serving::mirror(Source::store(Archive), settings).await,
    ] {
        let reply = Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
        assert_eq!(reply.status, 503);
        let text = "the store is unavailable: the archive did not answer within 20 ms";
        assert!(reply.text().contains(text), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_head_that_fails_is_logged_with_its_cause() {
    for mode in [&[][..], &["--component"]] {
        let folder = TempDir::new().unwrap();
        let server = serve_malformed(&folder, mode);
        let reply = Wire::connect(server.address).await.ask("HEAD", "/v1/modules").await;
        assert_eq!(reply.status, 500);
        assert!(reply.body.is_empty());
        server.logged("\"message\":\"request failed\"").await;
        server.logged("\"reason\":\"document at index 0: field uid: a number, expected").await;
    }
}

#[tokio::test]
async fn a_catalog_that_cannot_be_kept_is_logged_with_its_file_and_without_a_request() {
    let folder = TempDir::new().unwrap();
    let server = serve_malformed(&folder, &[]);
    server.logged("there is no catalog to serve").await;
    let log = server.log();
    let line = log.lines().find(|line| line.contains("there is no catalog to serve")).unwrap();
    let store = format!("\"store\":\"the file {}\"", folder.path().join("modules.json").display());
    assert!(line.contains(&store) && line.contains("field uid: a number"), "{line}");
}

#[tokio::test]
async fn a_server_without_a_policy_logs_it_once() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let writer = Arc::new(File::create(&log).unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let settings = Settings { access: None, ..Settings::default() };
    let server = Serving::start(plugin(), Scripted::documents::<&str>([]), settings).await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..2 {
        assert_eq!(wire.ask("GET", "/v1/modules").await.status, 401);
    }
    let log = fs::read_to_string(&log).unwrap();
    let told = log.matches("there is no access policy: every request is answered with 401");
    assert_eq!(told.count(), 1, "{log}");
}

/// Serves a file whose only document has a wrong field.
fn serve_malformed(folder: &TempDir, mode: &[&str]) -> Server {
    let modules = folder.path().join("modules.json");
    fs::write(&modules, "[{\"uid\":7}]").unwrap();
    let store = modules.display().to_string();
    Server::start(folder, &[&["--store", &store], mode].concat())
}

/// A store that never answers.
struct Archive;

#[async_trait]
impl Ccs for Archive {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        pending().await
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        pending().await
    }

    fn name(&self) -> String {
        "the archive".into()
    }
}
