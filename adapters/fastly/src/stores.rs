//! The two stores of a service: the config store with its configuration, and the KV store with its
//! catalog.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::StoreError;

use crate::bindings::fastly::compute::kv_store::{self, KvError};
use crate::bindings::fastly::compute::types::OpenError;
use crate::bindings::fastly::compute::{config_store, http_body};

/// The name of the config store, and of the KV store unless the configuration names another.
const STORE: &str = "ccs-modules";

const ACCESS: &str = "CCS_ACCESS";
const KEYVALUE_STORE: &str = "CCS_KEYVALUE_STORE";
const KEYVALUE_KEY: &str = "CCS_KEYVALUE_KEY";

/// Names and values, as an environment has them elsewhere.
pub type Configuration = Vec<(String, String)>;

/// Reads the configuration. A service without a config store has none.
pub fn configuration() -> Result<Configuration, String> {
    /// More than the 8,000 characters that a value can have.
    const MOST: u64 = 64 << 10;
    let failed = || format!("cannot read the config store \"{STORE}\"");
    let store = match config_store::Store::open(STORE) {
        Ok(store) => store,
        Err(OpenError::NotFound) => return Ok(Vec::new()),
        Err(_) => return Err(failed()),
    };
    let mut configuration = Vec::new();
    for name in [ACCESS, KEYVALUE_STORE, KEYVALUE_KEY] {
        if let Some(value) = store.get(name, MOST).map_err(|_| failed())? {
            configuration.push((name.into(), value));
        }
    }
    Ok(configuration)
}

/// Reads the catalog: the body of `GET /v1/modules`, in one value.
pub fn catalog(configuration: &Configuration) -> Result<Vec<u8>, StoreError> {
    let set = |name| configuration.iter().find(|(set, _)| set == name).map(|(_, it)| it.as_str());
    let name = set(KEYVALUE_STORE).unwrap_or(STORE);
    let key = set(KEYVALUE_KEY).unwrap_or("modules");
    let unavailable = |reason| StoreError::Unavailable(reason);
    let failed = || unavailable(format!("cannot read the KV store \"{name}\""));
    let store = kv_store::Store::open(name).map_err(|error| match error {
        OpenError::NotFound => unavailable(format!("there is no KV store \"{name}\"")),
        _ => failed(),
    })?;
    let entry = store.lookup(key).map_err(|error| match error {
        KvError::BadRequest => unavailable(format!("\"{key}\" is not a key of a KV store")),
        KvError::TooManyRequests => unavailable(format!("too many requests to \"{name}\"")),
        _ => failed(),
    })?;
    let missing = || unavailable(format!("the key \"{key}\" is not in the KV store \"{name}\""));
    let value = entry.ok_or_else(missing)?.take_body().ok_or_else(missing)?;
    read_all(&value).ok_or_else(failed)
}

fn read_all(body: &http_body::Body) -> Option<Vec<u8>> {
    const PART: u32 = 64 << 10;
    let mut bytes = Vec::new();
    loop {
        let part = http_body::read(body, PART).ok()?;
        if part.is_empty() {
            return Some(bytes);
        }
        bytes.extend_from_slice(&part);
    }
}
