//! World `standalone`: an instance that imports nothing. Here are the tests of its policies and mirrors;
//! its snapshots run the case list.

use std::fs;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules_host::artifacts;
use serde_json::{Value, json};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

use self::bindings::exports::ccs::modules::access::Caller;
use self::bindings::exports::ccs::modules::mirror::{
    Body, Changes, Documents, Error as MirrorError, Fetch, Fetched, Freshness, Next, Outcome, Read,
    Saved, Stored,
};
use self::bindings::exports::ccs::modules::snapshot::{
    Differences, Error, Fitting, Malformed, Module, Request, Response,
};
use crate::support::text;

pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "standalone",
        additional_derives: [PartialEq],
    });
}

/// An instance of the component.
pub struct Standalone {
    store: Store<()>,
    world: bindings::Standalone,
}

impl Default for Standalone {
    fn default() -> Self {
        static COMPONENT: LazyLock<Component> = LazyLock::new(|| {
            Component::from_binary(&Engine::default(), &artifacts::STANDALONE.wasm)
                .expect("a component")
        });

        let mut store = Store::new(COMPONENT.engine(), ());
        let linker = Linker::new(COMPONENT.engine());
        let world = bindings::Standalone::instantiate(&mut store, &COMPONENT, &linker)
            .expect("the component imports nothing");
        Self { store, world }
    }
}

/// Snapshots.
impl Standalone {
    pub fn snapshot(&mut self, documents: &[String]) -> Result<ResourceAny, Malformed> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_from_documents(&mut self.store, documents).expect("no trap")
    }

    pub fn parse(&mut self, body: &str) -> Result<ResourceAny, Malformed> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_parse(&mut self.store, body).expect("no trap")
    }

    pub fn list_modules(
        &mut self,
        snapshot: ResourceAny,
        roles: &[String],
    ) -> Result<Vec<Module>, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_list_modules(&mut self.store, snapshot, roles).expect("no trap")
    }

    pub fn get_module(
        &mut self,
        snapshot: ResourceAny,
        roles: &[String],
        uid: &str,
    ) -> Result<Module, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_get_module(&mut self.store, snapshot, roles, uid).expect("no trap")
    }

    pub fn find_modules(
        &mut self,
        snapshot: ResourceAny,
        roles: &[String],
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<Module>, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots
            .call_find_modules(&mut self.store, snapshot, roles, name, version)
            .expect("no trap")
    }

    pub fn latest_modules(
        &mut self,
        snapshot: ResourceAny,
        roles: &[String],
    ) -> Result<Vec<Module>, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_latest_modules(&mut self.store, snapshot, roles).expect("no trap")
    }

    pub fn fitting_modules(
        &mut self,
        snapshot: ResourceAny,
        roles: &[String],
        redis_version: &str,
    ) -> Result<Vec<Fitting>, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots
            .call_fitting_modules(&mut self.store, snapshot, roles, redis_version)
            .expect("no trap")
    }

    pub fn differences(
        &mut self,
        older: ResourceAny,
        newer: ResourceAny,
    ) -> Result<Differences, Error> {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_differences(&mut self.store, older, newer).expect("no trap")
    }

    pub fn handle(&mut self, snapshot: ResourceAny, request: &Request) -> Response {
        let snapshots = self.world.ccs_modules_snapshot().snapshot();
        snapshots.call_handle(&mut self.store, snapshot, request).expect("no trap")
    }
}

/// Access policies.
impl Standalone {
    pub fn policy(&mut self, text: &str) -> Result<ResourceAny, String> {
        let policies = self.world.ccs_modules_access().policy();
        policies.call_parse(&mut self.store, text).expect("no trap")
    }

    pub fn caller(&mut self, policy: ResourceAny, headers: &[(String, String)]) -> Caller {
        let policies = self.world.ccs_modules_access().policy();
        policies.call_caller(&mut self.store, policy, headers).expect("no trap")
    }
}

#[test]
fn policies_are_read_as_the_core_reads_them() {
    let table = fs::read_to_string(text::folder().join("../policies.json")).unwrap();
    let table: Value = serde_json::from_str(&table).unwrap();
    let mut standalone = Standalone::default();
    for row in table["read"].as_array().unwrap() {
        let policy = standalone.policy(&row["policy"].to_string()).unwrap();
        for caller in row["callers"].as_array().unwrap() {
            let headers = caller["headers"].as_array().unwrap().iter().map(header);
            let found = standalone.caller(policy, &headers.collect::<Vec<_>>());
            let everybody = row["policy"].get("anonymous").is_some();
            assert_eq!(matches!(found, Caller::Anonymous(_)), everybody, "{caller}");
            let roles = match found {
                Caller::Anonymous(roles) | Caller::Authenticated(roles) => json!(roles),
                Caller::Unauthenticated(_) => Value::Null,
            };
            assert_eq!(roles, caller["roles"], "{}: {caller}", row["about"]);
        }
    }
    for policy in table["refused"].as_array().unwrap() {
        assert!(standalone.policy(&policy.to_string()).is_err(), "{policy}");
    }
}

#[test]
fn a_policy_that_is_refused_names_the_field_and_shows_no_value() {
    let text = r#"{"users":[{"name":"ann","password_sha256":"secret","roles":[]}]}"#;
    let error = Standalone::default().policy(text).unwrap_err();
    assert!(
        error.starts_with("users[0].password_sha256: ") && !error.contains("secret"),
        "{error}"
    );
}

/// Reads a header field of the table: its value is a string, or bytes in base64.
fn header(field: &Value) -> (String, String) {
    let name = field[0].as_str().unwrap().to_owned();
    let value = match &field[1] {
        Value::String(text) => text.clone(),
        bytes => {
            let bytes = BASE64.decode(bytes["base64"].as_str().unwrap()).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    (name, value)
}

const NODES: &str = r#"{"nodes":["https://node1:9443","https://node2:9443"],
    "credentials":{"user":"ann","password":"secret"}}"#;

const LIST: &str = r#"[{"uid":"a"}]"#;

/// The first list is one new module.
const ONE: Changes = Changes { added: 1, removed: 0, changed: 0 };

#[test]
fn a_mirror_answers_from_what_it_fetched() {
    let mut mirror = Mirror::open(NODES).unwrap();
    assert_eq!(
        mirror.list(0),
        Err(MirrorError::Unavailable(
            "the store is unavailable: nothing has been fetched yet".into(),
        ))
    );
    assert_eq!(mirror.get(0, "/v1/modules").status, 503);

    let fetch = mirror.fetch(0);
    assert_eq!((fetch.url.as_str(), fetch.node), ("https://node1:9443/v1/modules", 0));
    assert_eq!((fetch.timeout, fetch.body_bytes), (5000, 8 << 20));
    assert!(fetch.headers.contains(&("authorization".into(), "Basic YW5uOnNlY3JldA==".into())));
    assert_eq!(mirror.poll(1), Next::Wait(5000));

    let etag = ("ETag".to_owned(), "\"1\"".to_owned());
    assert_eq!(mirror.answered(10, fetch.id, 200, &[etag], LIST), Outcome::Changed(ONE));
    assert_eq!(mirror.list(10).unwrap().len(), 1);
    let response = mirror.get(2_010, "/v1/modules");
    assert_eq!((response.status, response.body.as_str()), (200, "[{\"uid\":\"a\"}]\n"));
    assert!(response.headers.contains(&("age".into(), "2".into())), "{:?}", response.headers);
    assert_eq!(mirror.answered(20, fetch.id, 200, &[], "[]"), Outcome::Late);

    // The mirror asks the same node whether the list is unchanged.
    let Next::Wait(until) = mirror.poll(20) else { panic!("a fetch too early") };
    let fetch = mirror.fetch(until);
    assert!(fetch.headers.contains(&("if-none-match".into(), "\"1\"".into())));
    assert_eq!(mirror.answered(until, fetch.id, 304, &[], ""), Outcome::Unchanged);
    let status = mirror.status(until);
    assert_eq!((status.changed, status.unchanged, status.failed), (1, 1, 0));
    assert_eq!((status.age, status.freshness), (Some(0), Freshness::Fresh(60_000)));
}

#[test]
fn a_mirror_outlives_its_upstream_and_its_host() {
    let mut mirror = Mirror::open(NODES).unwrap();
    let fetch = mirror.fetch(0);
    let etag = ("etag".to_owned(), "\"1\"".to_owned());
    mirror.answered(0, fetch.id, 200, &[etag], LIST);
    let Next::Wait(until) = mirror.poll(0) else { panic!("a fetch too early") };
    let fetch = mirror.fetch(until);
    let reason = "the store is unavailable: https://node1:9443: connection refused";
    assert_eq!(
        mirror.failed(until, fetch.id, "connection refused"),
        Outcome::Failed(reason.into())
    );
    let Freshness::Stale(stale) = mirror.status(70_000).freshness else { panic!("not stale") };
    assert_eq!((stale.over, stale.reason.as_str()), (10_000, reason));
    assert_eq!(mirror.fetch(70_000).node, 1);

    let saved = mirror.save(70_000).unwrap();
    let validator = Some("https://node1:9443/v1/modules \"1\"".into());
    let body = format!("{LIST}\n");
    let expected =
        Saved { body, validator, age: Some(70_000), since_validation: 70_000, stale: None };
    assert_eq!(saved, expected);
    let mut restarted = Mirror::open(NODES).unwrap();
    assert_eq!(restarted.restore(5, &saved), Ok(()));
    assert_eq!(restarted.get(5, "/v1/modules/a").status, 200);
    let malformed = Saved { body: "[{}]".into(), ..saved };
    let error = Mirror::open(NODES).unwrap().restore(5, &malformed).unwrap_err();
    assert_eq!(
        error.message,
        "line 1, column 2: document at index 0: field uid: missing, expected a non-empty string"
    );
}

#[test]
fn a_mirror_of_a_store_reads_it_unless_it_is_unchanged() {
    let mut mirror = Mirror::open_store("{}").unwrap();
    let read = mirror.read(0);
    assert_eq!((read.unless, read.timeout), (None, 5000));
    let malformed = Documents { documents: vec!["{}".into()], version: None };
    let Outcome::Failed(error) = mirror.stored(0, read.id, &Stored::Documents(malformed)) else {
        panic!("a malformed document is taken")
    };
    assert!(error.starts_with("document at index 0: field uid: "), "{error}");
    assert_eq!(mirror.get(0, "/v1/modules").status, 500);

    let Next::Wait(until) = mirror.poll(0) else { panic!("a fetch too early") };
    let read = mirror.read(until);
    let body = Body { body: LIST.into(), version: Some("1".into()) };
    assert_eq!(mirror.stored(until, read.id, &Stored::Body(body)), Outcome::Changed(ONE));
    assert_eq!(mirror.get(until, "/v1/modules/a").status, 200);

    let Next::Wait(until) = mirror.poll(until) else { panic!("a fetch too early") };
    let read = mirror.read(until);
    assert_eq!(read.unless.as_deref(), Some("1"));
    assert_eq!(mirror.stored(until, read.id, &Stored::Unchanged), Outcome::Unchanged);
    let error = Mirror::open_store(r#"{"nodes":[]}"#).unwrap_err();
    assert!(error.starts_with("nodes: unknown field"), "{error}");
}

#[test]
fn a_configuration_that_is_refused_names_the_option_and_shows_no_value() {
    for (configuration, option) in [
        (r#"{"nodes":["https://ann:secret@node1"]}"#, "nodes[0]: "),
        (r#"{"nodes":["https://node1"],"limits":{"depth":65}}"#, "limits.depth: "),
    ] {
        let error = Mirror::open(configuration).unwrap_err();
        assert!(error.contains(option) && !error.contains("secret"), "{error}");
    }
}

/// The deepest nesting that can be configured fits into the component's stack.
#[test]
fn the_greatest_depth_fits_into_the_stack() {
    let configuration = r#"{"nodes":["https://node1"],"limits":{"depth":64}}"#;
    let mut mirror = Mirror::open(configuration).unwrap();
    let fetch = mirror.fetch(0);
    let body = format!(r#"[{{"uid":"a", "x": {}{} }}]"#, "[".repeat(63), "]".repeat(63));
    assert_eq!(mirror.answered(0, fetch.id, 200, &[], &body), Outcome::Changed(ONE));
    let objects = format!("{}1{}", r#"{"x": "#.repeat(63), "}".repeat(63));
    let Next::Wait(until) = mirror.poll(0) else { panic!("a fetch too early") };
    let fetch = mirror.fetch(until);
    let body = format!(r#"[{{"uid":"a", "x": {objects} }}]"#);
    assert_eq!(
        mirror.answered(until, fetch.id, 200, &[], &body),
        Outcome::Changed(Changes { added: 0, removed: 0, changed: 1 })
    );
}

/// A mirror in its own instance.
#[derive(Debug)]
struct Mirror {
    standalone: Standalone,
    kept: ResourceAny,
}

impl std::fmt::Debug for Standalone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Standalone")
    }
}

/// Calls a method of the mirror.
macro_rules! call {
    ($mirror:ident.$method:ident($($argument:expr),*)) => {{
        let Mirror { standalone: Standalone { store, world }, kept } = $mirror;
        world.ccs_modules_mirror().mirror().$method(store, *kept, $($argument),*).expect("no trap")
    }};
}

impl Mirror {
    /// Makes a mirror of a store.
    fn open_store(configuration: &str) -> Result<Self, String> {
        let mut standalone = Standalone::default();
        let mirrors = standalone.world.ccs_modules_mirror().mirror();
        let made = mirrors.call_open_store(&mut standalone.store, configuration, 1);
        let kept = made.expect("no trap")?;
        Ok(Self { standalone, kept })
    }

    fn open(configuration: &str) -> Result<Self, String> {
        let mut standalone = Standalone::default();
        let mirrors = standalone.world.ccs_modules_mirror().mirror();
        let kept = mirrors.call_open(&mut standalone.store, configuration, 1).expect("no trap")?;
        Ok(Self { standalone, kept })
    }

    fn poll(&mut self, now: u64) -> Next {
        call!(self.call_poll(now))
    }

    fn fetch(&mut self, now: u64) -> Fetch {
        match self.poll(now) {
            Next::Fetch(fetch) => fetch,
            next => panic!("{next:?}"),
        }
    }

    fn read(&mut self, now: u64) -> Read {
        match self.poll(now) {
            Next::Read(read) => read,
            next => panic!("{next:?}"),
        }
    }

    fn stored(&mut self, now: u64, id: u64, answer: &Stored) -> Outcome {
        call!(self.call_stored(now, id, answer))
    }

    fn answered(
        &mut self,
        now: u64,
        id: u64,
        status: u16,
        headers: &[(String, String)],
        body: &str,
    ) -> Outcome {
        let response = Fetched { status, headers: headers.to_vec(), body: body.into() };
        call!(self.call_answered(now, id, &response))
    }

    fn failed(&mut self, now: u64, id: u64, why: &str) -> Outcome {
        call!(self.call_failed(now, id, why))
    }

    fn get(&mut self, now: u64, target: &str) -> Response {
        let request = Request {
            method: "GET".into(),
            target: target.into(),
            headers: vec![],
            caller: Caller::Authenticated(vec!["db_viewer".into()]),
        };
        call!(self.call_handle(now, &request))
    }

    fn list(&mut self, now: u64) -> Result<Vec<Module>, MirrorError> {
        call!(self.call_list_modules(now, &["db_viewer".to_owned()]))
    }

    fn status(&mut self, now: u64) -> bindings::exports::ccs::modules::mirror::Status {
        call!(self.call_status(now))
    }

    fn save(&mut self, now: u64) -> Option<Saved> {
        call!(self.call_save(now))
    }

    fn restore(&mut self, now: u64, saved: &Saved) -> Result<(), Malformed> {
        call!(self.call_restore(now, saved))
    }
}
