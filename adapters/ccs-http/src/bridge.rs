//! The exported interface `ccs`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::body::split;
use ccs_modules::mirror::{self, Mirror};
use ccs_modules::upstream::Call;
use ccs_modules::{Limits, Snapshot, StoreError};
use ccs_modules_guest::cluster::Config;
use spin::Mutex;

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::clocks::monotonic_clock::now;
use crate::exchange::Wasi;
use crate::{Network as _, mirrored};

struct Bridge;

#[allow(missing_docs, unsafe_code)]
mod exported {
    use super::Bridge;

    crate::bindings::export!(Bridge);
}

/// The mirror of this instance. A host that reuses an instance keeps the mirror with it, and its
/// environment stays the same.
static MIRROR: Mutex<Option<Mirror>> = Mutex::new(None);

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let config = Config::new(get_environment())?;
        let mirrored =
            with_snapshot(&config, |snapshot| snapshot.documents().map(<[u8]>::to_vec).collect());
        if let Some(documents) = mirrored {
            return Ok(documents?);
        }
        let body = resolve(config.upstream.list_call(), &config)?;
        let documents = split(&body).map_err(|error| Error::Other(error.to_string()))?;
        Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = Config::new(get_environment())?;
        let mirrored =
            with_snapshot(&config, |snapshot| snapshot.document(&uid).map(<[u8]>::to_vec));
        if let Some(document) = mirrored {
            return Ok(document?);
        }
        Ok(resolve(config.upstream.module_call(&uid, &Limits::default()), &config)?)
    }
}

/// Makes a call for which the cluster is asked.
fn resolve<T>(call: Call<'_, T>, config: &Config) -> Result<T, StoreError> {
    call.resolve(config.timeout, || Wasi.now(), |request, timeout| Wasi.send(request, timeout))
}

/// Reads from the snapshot of the mirror. `None` if the cluster is asked each time, or another call of
/// this instance is asking it.
fn with_snapshot<T>(
    config: &Config,
    read: impl FnOnce(&Snapshot) -> T,
) -> Option<Result<T, StoreError>> {
    let options = config.mirror.as_ref()?;
    let mut held = MIRROR.try_lock()?;
    let mirror = held.get_or_insert_with(|| new(options));
    let snapshot = mirrored::snapshot(mirror, &Wasi, config.timeout);
    Some(snapshot.map(read).map_err(|error| match error {
        ccs_modules::Error::Store(error) => error,
        error => StoreError::Other(error.to_string()),
    }))
}

/// Makes a mirror. Instances start at different nanoseconds, which is random enough for a seed.
fn new(options: &mirror::Config) -> Mirror {
    Mirror::new(options.clone(), now())
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Denied(why) => Error::Denied(why),
            StoreError::Unavailable(why) => Error::Unavailable(why),
            StoreError::TooLong(why) => Error::TooLong(why),
            error => Error::Other(error.reason().into()),
        }
    }
}
