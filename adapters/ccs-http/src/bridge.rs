//! The exported interface `ccs`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::body::split;
use ccs_modules::upstream::{Call, Request, Response};
use ccs_modules::{Limits, Snapshot, StoreError};
use ccs_modules_guest::Environment;
use ccs_modules_guest::cluster::Config;
use spin::{Mutex, Once};

use crate::Network as _;
use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::clocks::monotonic_clock::now;
use crate::exchange::Wasi;
use crate::mirrored::Mirrored;

struct Bridge;

#[allow(missing_docs, unsafe_code)]
mod exported {
    use super::Bridge;

    crate::bindings::export!(Bridge);
}

/// The configuration of this instance, read once: its environment stays the same.
static CONFIG: Once<Result<Config, StoreError>> = Once::new();

/// The mirror of this instance. A host that reuses an instance keeps the mirror with it.
static MIRROR: Mutex<Option<Mirrored<Wasi>>> = Mutex::new(None);

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let config = config()?;
        let mirrored =
            with_snapshot(config, |snapshot| snapshot.documents().map(<[u8]>::to_vec).collect());
        if let Some(documents) = mirrored {
            return Ok(documents?);
        }
        let body = resolve(config.upstream.list_call(), config)?;
        let documents = split(&body).map_err(|error| Error::Other(error.to_string()))?;
        Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = config()?;
        let mirrored =
            with_snapshot(config, |snapshot| snapshot.document(&uid).map(<[u8]>::to_vec));
        if let Some(document) = mirrored {
            return Ok(document?);
        }
        Ok(resolve(config.upstream.module_call(&uid, &Limits::default()), config)?)
    }
}

fn config() -> Result<&'static Config, StoreError> {
    let config = CONFIG.call_once(|| Config::new(&Environment::new(get_environment())));
    config.as_ref().map_err(StoreError::clone)
}

/// Makes a call for which the cluster is asked.
fn resolve<T>(call: Call<'_, T>, config: &Config) -> Result<T, StoreError> {
    call.resolve(config.timeout, || Wasi.now(), send)
}

/// Sends a request and receives the response, whole.
fn send(request: &Request, timeout: Duration) -> Result<Response, String> {
    let mut exchange = Wasi.start(request, timeout)?;
    loop {
        if let Some(response) = Wasi.receive(&mut exchange) {
            return response;
        }
        Wasi.wait(&exchange, timeout);
    }
}

/// Reads from the snapshot of the mirror. `None` if the cluster is asked each time, or another call of
/// this instance waits for the first list.
fn with_snapshot<T>(
    config: &Config,
    read: impl FnOnce(&Snapshot) -> T,
) -> Option<Result<T, StoreError>> {
    let options = config.mirror.as_ref()?;
    let mut mirrored = MIRROR.try_lock()?;
    // Instances start at different nanoseconds, which is random enough for a seed.
    let mirrored = mirrored.get_or_insert_with(|| Mirrored::new(Wasi, options.clone(), now()));
    let snapshot = mirrored.snapshot(config.timeout);
    Some(snapshot.map(read).map_err(|error| match error {
        ccs_modules::Error::Store(error) => error,
        error => StoreError::Other(error.to_string()),
    }))
}
