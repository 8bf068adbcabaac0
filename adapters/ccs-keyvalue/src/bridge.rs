//! One value contains the body of `GET /v1/modules`: one read is one moment of the store.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::{Limits, StoreError, body};
use ccs_modules_guest::Environment;
use spin::Once;

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::keyvalue::store;

struct Bridge;

#[allow(missing_docs, unsafe_code)]
mod exported {
    use super::Bridge;

    crate::bindings::export!(Bridge);
}

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let config = config()?;
        let value = config.value()?;
        Ok(config.split(&value)?.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = config()?;
        let value = config.value()?;
        Ok(body::find(&config.split(&value)?, &uid, &Limits::default())
            .map(|document| document.to_vec()))
    }
}

/// Returns the configuration of this instance, which is read once: its environment stays the same.
fn config() -> Result<&'static Config, StoreError> {
    static CONFIG: Once<Result<Config, StoreError>> = Once::new();
    CONFIG.call_once(Config::from_environment).as_ref().map_err(StoreError::clone)
}

/// The bucket and the key of the value, and how to read it.
struct Config {
    bucket: String,
    key: String,
    /// Whether a missing key is an empty store. By default it is an error: mostly it is a mistake.
    may_be_missing: bool,
    /// Whether the value is encoded in base64, for hosts whose options take no JSON.
    in_base64: bool,
}

impl Config {
    fn from_environment() -> Result<Self, StoreError> {
        let environment = Environment::new(get_environment());
        let own = |name| environment.get(name).map(String::from);
        Ok(Self {
            bucket: own("CCS_KEYVALUE_BUCKET").unwrap_or_default(),
            key: own("CCS_KEYVALUE_KEY").unwrap_or_else(|| "modules".into()),
            may_be_missing: environment.is("CCS_KEYVALUE_MISSING", "empty", "error")?,
            in_base64: environment.is("CCS_KEYVALUE_ENCODING", "base64", "json")?,
        })
    }

    fn value(&self) -> Result<Vec<u8>, Error> {
        let bucket = store::open(&self.bucket).map_err(|error| self.failed(error))?;
        match bucket.get(&self.key).map_err(|error| self.failed(error))? {
            Some(value) if self.in_base64 => BASE64.decode(value.trim_ascii()).map_err(|_| {
                Error::Other(format!("the value of the key \"{}\" is not base64", self.key))
            }),
            Some(value) => Ok(value),
            None if self.may_be_missing => Ok(b"[]".to_vec()),
            None => Err(Error::Unavailable(format!(
                "the key \"{}\" is not in the bucket \"{}\"",
                self.key, self.bucket
            ))),
        }
    }

    /// Splits the value into its documents.
    fn split<'a>(&self, value: &'a [u8]) -> Result<Vec<&'a [u8]>, Error> {
        body::split(value).map_err(|error| {
            Error::Other(format!("the value of the key \"{}\", {error}", self.key))
        })
    }

    fn failed(&self, error: store::Error) -> Error {
        match error {
            store::Error::AccessDenied => {
                Error::Denied(format!("no access to the bucket \"{}\"", self.bucket))
            }
            store::Error::NoSuchStore => {
                Error::Unavailable(format!("there is no bucket \"{}\"", self.bucket))
            }
            // The host's text may hold what clients must not see.
            store::Error::Other(_) => {
                Error::Unavailable(format!("cannot read the bucket \"{}\"", self.bucket))
            }
        }
    }
}
