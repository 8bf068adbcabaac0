//! Calls without an answer, and the health and readiness probes.

use std::time::Duration;

use ccs_modules_host::server::Settings;
use ccs_modules_host::stores::{Scripted, demo};
use ccs_modules_host::{CallLimits, CcsError, Plugin, artifacts};

use crate::support::gate::Gate;
use crate::support::guest;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn a_plugin_that_breaks_off_is_an_internal_error() {
    let plugin = Plugin::load(&guest::handling("unreachable"), CallLimits::default()).unwrap();
    let server = Serving::start(&plugin, demo(), open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    let reply = wire.ask("GET", "/v1/modules").await;
    assert_eq!(reply.status, 500);
    assert_eq!(
        reply.text(),
        "{\"description\":\"the request could not be answered; the log of the server says why\",\"error_code\":\"internal_error\"}\n"
    );
    assert_eq!(wire.ask("GET", "/healthz").await.status, 200, "it goes on");
}

#[tokio::test]
async fn a_plugin_that_loops_is_stopped_and_lets_others_be_served() {
    let limits = CallLimits { timeout: Duration::from_millis(50), ..CallLimits::default() };
    let plugin = Plugin::load(&guest::handling("(loop (br 0))"), limits).unwrap();
    let server = Serving::start(&plugin, demo(), open_to_all()).await;
    let mut looping = Wire::connect(server.address).await;
    looping.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut other = Wire::connect(server.address).await;
    assert_eq!(other.ask("GET", "/healthz").await.status, 200);
    let reply = looping.reply("GET").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert!(reply.text().contains("\"timed_out\""));
}

#[tokio::test]
async fn a_plugin_gets_the_header_fields_that_the_api_reads_and_no_other() {
    // The guest traps if it is given any header field, and otherwise loops for ever.
    let guest = "(br_if 0 (local.get 5)) (loop (br 0))";
    let limits = CallLimits { timeout: Duration::from_millis(50), ..CallLimits::default() };
    let plugin = Plugin::load(&guest::handling(&format!("(block {guest})")), limits).unwrap();
    let server = Serving::start(&plugin, demo(), open_to_all()).await;
    for (fields, status) in [
        ("", 503),
        ("authorization: Basic YTpi\r\nCookie: a=b\r\nproxy-authorization: Basic YTpi\r\n", 503),
        ("x: y\r\n", 503),
        ("Accept: a/b\r\n", 500),
        ("if-match: *\r\n", 500),
        ("if-none-match: *\r\n", 500),
    ] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(format!("GET /v1/modules HTTP/1.1\r\nhost: test\r\n{fields}\r\n")).await;
        assert_eq!(wire.reply("GET").await.status, status, "{fields}");
    }
}

#[tokio::test]
async fn a_list_that_needs_too_much_memory_is_an_error_that_names_the_limit() {
    let limits = CallLimits { memory: 4 << 20, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let store = Scripted::documents([vec![b' '; 8 << 20]]);
    let server = Serving::start(&plugin, store, open_to_all()).await;
    let reply = Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
    assert_eq!(reply.status, 500);
    assert_eq!(
        reply.text(),
        "{\"description\":\"the answer takes more memory than the limit of 4194304 bytes\",\
         \"error_code\":\"memory_exhausted\"}\n"
    );
    assert!(server.metrics.text().contains("call_failures_total{reason=\"memory\"} 1"));
}

#[tokio::test]
async fn requests_wait_for_an_instance_no_longer_than_they_may_take() {
    let limits =
        CallLimits { instances: 1, timeout: Duration::from_millis(50), ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let server = Serving::start(&plugin, Gate::closed(), open_to_all()).await;
    let mut first = Wire::connect(server.address).await;
    let mut second = Wire::connect(server.address).await;
    for wire in [&mut first, &mut second] {
        wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n").await;
    }
    assert_eq!(first.reply("GET").await.status, 503);
    assert_eq!(second.reply("GET").await.status, 503);
}

#[tokio::test]
async fn health_does_not_depend_on_the_store_and_readiness_does() {
    for (store, ready) in [
        (Scripted::documents::<&str>([]), 200),
        (Scripted::Fails(CcsError::Unavailable("secret".into())), 503),
        (Scripted::Fails(CcsError::Other("secret".into())), 503),
    ] {
        let server = Serving::start(plugin(), store, Settings::default()).await;
        let mut wire = Wire::connect(server.address).await;
        let health = wire.ask("GET", "/healthz").await;
        assert_eq!((health.status, health.text()), (200, "ok\n"));
        let reply = wire.ask("GET", "/readyz").await;
        assert_eq!(reply.status, ready);
        assert!(!reply.text().contains("secret"));
        let head = wire.ask("HEAD", "/readyz").await;
        assert_eq!(head.status, ready);
        assert_eq!(head.header("content-length"), reply.header("content-length"));
        let post = wire.ask("POST", "/healthz").await;
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    }
}

#[tokio::test]
async fn a_store_that_stalls_is_not_ready() {
    let limits = CallLimits { store_timeout: Duration::from_millis(1), ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let server = Serving::start(&plugin, Scripted::Stalls, open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    assert_eq!(wire.ask("GET", "/readyz").await.status, 503);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 503);
    assert!(server.metrics.text().contains("store_failures_total{reason=\"no_answer\"} 2"));
}

#[tokio::test]
async fn readiness_asks_the_store_once_at_a_time() {
    let store = Gate::closed();
    let server = Serving::start(plugin(), store.clone(), Settings::default()).await;
    let mut asking = Wire::connect(server.address).await;
    let mut meanwhile = Wire::connect(server.address).await;
    let (first, ()) = tokio::join!(asking.ask("GET", "/readyz"), async {
        store.asked().await;
        assert_eq!(meanwhile.ask("GET", "/readyz").await.status, 503, "nothing is known yet");
        store.open();
    });
    assert_eq!(first.status, 200);
    let (second, ()) = tokio::join!(asking.ask("GET", "/readyz"), async {
        store.asked().await;
        assert_eq!(meanwhile.ask("GET", "/readyz").await.status, 200, "it was the last time");
        store.open();
    });
    assert_eq!(second.status, 200);
}
