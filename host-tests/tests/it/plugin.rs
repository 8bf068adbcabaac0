//! The host: every misbehaviour of a guest or a store ends in an error that names it.

use std::time::{Duration, Instant};

use ccs_modules_host::stores::{Scripted, demo};
use ccs_modules_host::{
    CallError, CallLimits, CatalogError, LoadError, Plugin, Standalone, artifacts,
};

use crate::support::{guest, request};

const NO_ROLES: [&str; 0] = [];

#[tokio::test]
async fn a_trap_is_a_call_error() {
    let plugin = Plugin::load(&guest::listing("unreachable"), CallLimits::default()).unwrap();
    let error = plugin.service(demo()).list_modules(&NO_ROLES).await.unwrap_err();
    assert!(matches!(&error, CallError::Trapped(text) if text.contains("unreachable")), "{error}");
}

#[tokio::test]
async fn a_guest_that_loops_is_stopped() {
    let time = Duration::from_millis(50);
    let limits = CallLimits { timeout: time, ..CallLimits::default() };
    let plugin = Plugin::load(&guest::listing("(loop (br 0))"), limits).unwrap();
    let error = plugin.service(demo()).list_modules(&NO_ROLES).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut(time));
}

#[tokio::test]
async fn a_guest_that_loops_lets_others_run() {
    let limits = CallLimits { timeout: Duration::from_millis(50), ..CallLimits::default() };
    let plugin = Plugin::load(&guest::listing("(loop (br 0))"), limits).unwrap();
    let service = plugin.service(demo());
    // There is one thread, so the second call only starts because the first one yields.
    let (first, second) =
        tokio::join!(service.list_modules(&NO_ROLES), service.list_modules(&NO_ROLES));
    assert!(matches!(first, Err(CallError::TimedOut(_))));
    assert!(matches!(second, Err(CallError::TimedOut(_))));
}

#[tokio::test]
async fn a_kept_snapshot_that_loops_is_stopped_after_its_time_and_not_before() {
    let time = Duration::from_millis(45);
    let limits = CallLimits { timeout: time, ..CallLimits::default() };
    let standalone = Standalone::load(&guest::keeping("(loop (br 0))"), limits).unwrap();
    let mut snapshot = standalone.open(&[]).await.unwrap();

    let begun = Instant::now();
    assert_eq!(snapshot.handle(&request::list()).unwrap_err(), CallError::TimedOut(time));
    assert!(begun.elapsed() >= time, "{:?}", begun.elapsed());
    assert!(
        matches!(snapshot.handle(&request::list()), Err(CallError::Trapped(_))),
        "it is of no use"
    );
}

#[tokio::test]
async fn a_kept_snapshot_may_take_any_time() {
    let limits = CallLimits { timeout: Duration::MAX, ..CallLimits::default() };
    let standalone = Standalone::load(&guest::keeping("unreachable"), limits).unwrap();
    let error = standalone.open(&[]).await.unwrap().handle(&request::list()).unwrap_err();
    assert!(matches!(&error, CallError::Trapped(text) if text.contains("unreachable")), "{error}");
}

#[tokio::test]
async fn a_guest_that_wants_all_memory_is_refused() {
    let memory = 1 << 20;
    let limits = CallLimits { memory, ..CallLimits::default() };
    let grow = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";
    let plugin = Plugin::load(&guest::listing(grow), limits).unwrap();
    let error = plugin.service(demo()).list_modules(&NO_ROLES).await.unwrap_err();
    assert_eq!(error, CallError::MemoryExhausted(memory));
}

#[tokio::test]
async fn a_guest_that_starts_too_big_is_refused() {
    let memory = 32 << 10;
    let limits = CallLimits { memory, ..CallLimits::default() };
    let plugin = Plugin::load(&guest::listing(""), limits).unwrap();
    let error = plugin.service(demo()).list_modules(&NO_ROLES).await.unwrap_err();
    assert_eq!(error, CallError::MemoryExhausted(memory));
}

#[tokio::test]
async fn a_store_that_answers_too_much_exhausts_memory() {
    let memory = 4 << 20;
    let limits = CallLimits { memory, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let service = plugin.service(Scripted::documents([vec![b' '; 8 << 20]]));
    let error = service.list_modules(&["admin"]).await.unwrap_err();
    assert_eq!(error, CallError::MemoryExhausted(memory));
}

#[tokio::test]
async fn a_store_that_stalls_is_unavailable() {
    let limits = CallLimits { store_timeout: Duration::from_millis(1), ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let error = plugin.service(Scripted::Stalls).list_modules(&["admin"]).await.unwrap_err();
    assert!(matches!(error, CallError::Answered(CatalogError::Unavailable(_))), "{error}");
}

#[tokio::test]
async fn a_store_that_stalls_longer_than_a_call_may_take_ends_the_call() {
    let time = Duration::from_millis(1);
    let limits = CallLimits { timeout: time, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let error = plugin.service(Scripted::Stalls).list_modules(&["admin"]).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut(time));
}

#[tokio::test]
async fn an_instance_that_failed_is_replaced() {
    let plugin = Plugin::load(&guest::listing("unreachable"), CallLimits::default()).unwrap();
    let mut instance = plugin.service(demo()).instance();
    for _ in 0..2 {
        let error = instance.list_modules(&NO_ROLES).await.unwrap_err();
        assert!(matches!(&error, CallError::Trapped(text) if text.contains("unreachable")));
    }
}

#[tokio::test]
async fn calls_wait_for_a_free_instance() {
    let limits = CallLimits { instances: 1, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let service = plugin.service(demo());
    let roles = ["admin"];
    let calls = tokio::join!(
        service.list_modules(&roles),
        service.list_modules(&roles),
        service.list_modules(&roles)
    );
    for modules in [calls.0, calls.1, calls.2] {
        assert_eq!(modules.unwrap().len(), 16);
    }
}

#[tokio::test]
async fn an_instance_that_is_kept_keeps_others_waiting() {
    let time = Duration::from_millis(50);
    let limits = CallLimits { instances: 1, timeout: time, ..CallLimits::default() };
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
    let service = plugin.service(demo());
    let mut kept = service.instance();
    kept.list_modules(&["admin"]).await.unwrap();
    let error = service.list_modules(&["admin"]).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut(time));
    drop(kept);
    service.list_modules(&["admin"]).await.unwrap();
}

#[tokio::test]
async fn services_over_different_stores_share_a_host() {
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let (full, empty) = (plugin.service(demo()), plugin.service(Scripted::documents::<&str>([])));
    assert_eq!(full.list_modules(&["admin"]).await.unwrap().len(), 16);
    assert_eq!(empty.list_modules(&["admin"]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn calls_run_on_threads_of_their_own_too() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }

    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let service = plugin.service(demo());
    assert_eq!(is_send(service.handle(&request::list())).await.unwrap().status, 200);
    is_send(service.list_modules(&["admin"])).await.unwrap();
    is_send(service.get_module(&["admin"], "1")).await.unwrap_err();
}

#[test]
fn bytes_that_are_not_a_plugin_do_not_load() {
    let load = |wasm: &[u8]| Plugin::load(wasm, CallLimits::default()).err();
    assert!(matches!(load(b"nothing"), Some(LoadError::Compile(_))));
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(load(&module), Some(LoadError::Compile(_))));
    let component = wat::parse_str("(component)").unwrap();
    assert!(matches!(load(&component), Some(LoadError::World(_))));
    let curious = r#"(component (import "wasi:clocks/monotonic-clock@0.2.0" (instance)))"#;
    let curious = wat::parse_str(curious).unwrap();
    assert!(matches!(load(&curious), Some(LoadError::World(_))));
}
