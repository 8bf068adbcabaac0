//! A value of a KV store as the store.

use alloc::format;
use alloc::vec::Vec;

use ccs_modules::StoreError;
use ccs_modules_guest::Environment;

use crate::bindings::fastly::compute::http_body;
use crate::bindings::fastly::compute::kv_store::{self, KvError};
use crate::bindings::fastly::compute::types::OpenError;
use crate::configuration::{KEYVALUE_KEY, KEYVALUE_STORE, STORE};

/// Reads the catalog: the body of `GET /v1/modules`, in one value.
pub fn catalog(configuration: &Environment) -> Result<Vec<u8>, StoreError> {
    let name = configuration.get(KEYVALUE_STORE).unwrap_or(STORE);
    let key = configuration.get(KEYVALUE_KEY).unwrap_or("modules");
    let unavailable = StoreError::Unavailable;
    let failed = || unavailable(format!("cannot read the KV store \"{name}\""));

    let store = kv_store::Store::open(name).map_err(|error| match error {
        OpenError::NotFound => unavailable(format!("there is no KV store \"{name}\"")),
        OpenError::InvalidSyntax | OpenError::NameTooLong | OpenError::Reserved => {
            StoreError::Other(format!("{KEYVALUE_STORE}: expected the name of a KV store"))
        }
        _ => failed(),
    })?;

    let entry = store.lookup(key).map_err(|error| match error {
        KvError::BadRequest => {
            StoreError::Other(format!("{KEYVALUE_KEY}: expected a key of a KV store"))
        }
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
