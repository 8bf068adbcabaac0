//! The plugin in wasmtime against the core in this program: the same answers to the byte, from an
//! instance that keeps its memory from call to call.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use arbitrary::{Result, Unstructured};
use async_trait::async_trait;
use ccs_modules::{Error, Limits, Module, StoreError};
use ccs_modules_host::{
    CallError, CallLimits, CatalogError, Ccs, CcsError, Instance, Module as Record, Plugin,
    Request as Call, artifacts,
};
use tokio::runtime::{Builder, Runtime};

use crate::calls::{Store, get, handle, list};
use crate::generate;

thread_local! {
    static TARGET: RefCell<Target> = RefCell::new(Target::load());
}

pub fn run(input: &[u8]) {
    TARGET.with_borrow_mut(|target| _ = target.check(&mut Unstructured::new(input)));
}

struct Target {
    runtime: Runtime,
    instance: Instance,
    store: Shared,
}

impl Target {
    fn load() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let plugin =
            Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).expect("the plugin");
        let store = Shared(Arc::new(Mutex::new(Store::of(&[]))));
        let instance = plugin.service(store.clone()).instance();
        Self { runtime, instance, store }
    }

    fn check(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let limits = Limits::default();
        let store = match u.ratio(1, 4)? {
            true => Store::of(&[u.bytes(u.len() / 2)?]),
            false => generate::store(u)?,
        };
        *self.store.0.lock().expect("the store") = store.clone();
        let Self { runtime, instance, .. } = self;
        match u.int_in_range(0..=2)? {
            0 => {
                let expected = list(&store, &limits).map_err(catalog_error);
                let expected = expected.map(|it| it.into_iter().map(record).collect::<Vec<_>>());
                let found = runtime.block_on(instance.list_modules(&["admin"]));
                assert_eq!(answered(found), expected);
            }
            1 => {
                let uid = generate::uid(u)?;
                let expected = get(&store, uid, &limits).map(record).map_err(catalog_error);
                let found = runtime.block_on(instance.get_module(&["admin"], uid));
                assert_eq!(answered(found), expected);
            }
            _ => {
                let request = generate::request(u)?;
                let expected = handle(&store, &request, &limits);
                let call = Call {
                    method: request.method,
                    target: request.target,
                    headers: text(request.headers),
                    caller: request.caller.into(),
                };
                let found = runtime.block_on(instance.handle(&call)).expect("an answer");
                assert_eq!(found.status, expected.status);
                assert_eq!(found.headers, expected.headers);
                assert_eq!(found.body.as_bytes(), expected.body);
            }
        }
        Ok(())
    }
}

/// The store of the current call.
#[derive(Clone)]
struct Shared(Arc<Mutex<Store>>);

#[async_trait]
impl Ccs for Shared {
    async fn list_documents(&self) -> std::result::Result<Vec<Vec<u8>>, CcsError> {
        self.0.lock().expect("the store").documents.clone()
    }

    async fn get_document(&self, uid: &str) -> std::result::Result<Option<Vec<u8>>, CcsError> {
        self.0.lock().expect("the store").document(uid)
    }
}

/// The plugin's answer. A trap is a find.
fn answered<T>(answer: std::result::Result<T, CallError>) -> std::result::Result<T, CatalogError> {
    match answer {
        Ok(found) => Ok(found),
        Err(CallError::Answered(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn catalog_error(error: Error) -> CatalogError {
    let text = error.to_string();
    match error {
        Error::Forbidden => CatalogError::Forbidden,
        Error::Malformed(_) => CatalogError::Malformed(text),
        Error::NotFound => CatalogError::NotFound,
        Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
            CatalogError::Unavailable(text)
        }
        _ => CatalogError::Other(text),
    }
}

/// Header fields as the contract has them.
fn text(headers: Vec<(String, Vec<u8>)>) -> Vec<(String, String)> {
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    headers.into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn record(module: Module) -> Record {
    Record {
        document: module.document().into(),
        uid: module.uid,
        module_name: module.module_name,
        display_name: module.display_name,
        semantic_version: module.semantic_version,
        version: module.version,
        author: module.author,
        email: module.email,
        homepage: module.homepage,
        description: module.description,
        license: module.license,
        capabilities: module.capabilities,
        command_line_args: module.command_line_args,
        config_command: module.config_command,
        compatible_redis_version: module.compatible_redis_version,
        min_redis_version: module.min_redis_version,
        is_bundled: module.is_bundled,
    }
}
