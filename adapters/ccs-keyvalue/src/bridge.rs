//! One value holds the body of `GET /v1/modules`: reading it is reading one moment of the store.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::{Limits, snapshot};

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::bindings::wasi::keyvalue::store;

pub(crate) struct Bridge;

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let value = Place::configured()?.value()?;
        Ok(split(&value)?.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let value = Place::configured()?.value()?;
        Ok(snapshot::find(&split(&value)?, &uid, &Limits::default())
            .map(|document| document.to_vec()))
    }
}

/// Where the value is.
struct Place {
    bucket: String,
    key: String,
    /// Whether a key that is not there is a store without modules. Mostly it is a mistake.
    may_be_missing: bool,
    /// Whether the value is in base64, for hosts whose way to set one takes no JSON.
    in_base64: bool,
}

impl Place {
    fn configured() -> Result<Self, Error> {
        let mut place = Self {
            bucket: String::new(),
            key: "modules".into(),
            may_be_missing: false,
            in_base64: false,
        };
        for (name, value) in get_environment() {
            match name.as_str() {
                "CCS_KEYVALUE_BUCKET" => place.bucket = value,
                "CCS_KEYVALUE_ENCODING" => place.in_base64 = is(&name, &value, "base64", "json")?,
                "CCS_KEYVALUE_KEY" => place.key = value,
                "CCS_KEYVALUE_MISSING" => {
                    place.may_be_missing = is(&name, &value, "empty", "error")?;
                }
                _ => {}
            }
        }
        Ok(place)
    }

    fn value(&self) -> Result<Vec<u8>, Error> {
        let bucket = store::open(&self.bucket).map_err(|error| self.failed(error))?;
        match bucket.get(&self.key).map_err(|error| self.failed(error))? {
            Some(value) if self.in_base64 => BASE64
                .decode(value.trim_ascii())
                .map_err(|_| Error::Other("the value is not base64".into())),
            Some(value) => Ok(value),
            None if self.may_be_missing => Ok(b"[]".to_vec()),
            None => Err(Error::Unavailable(format!(
                "the key \"{}\" is not in the bucket \"{}\"",
                self.key, self.bucket
            ))),
        }
    }

    fn failed(&self, error: store::Error) -> Error {
        match error {
            store::Error::AccessDenied => {
                Error::Denied(format!("no access to the bucket \"{}\"", self.bucket))
            }
            store::Error::NoSuchStore => {
                Error::Unavailable(format!("there is no bucket \"{}\"", self.bucket))
            }
            // The host's own words may hold what clients must not see.
            store::Error::Other(_) => {
                Error::Unavailable(format!("cannot read the bucket \"{}\"", self.bucket))
            }
        }
    }
}

/// Whether a variable's value is the one or the other.
fn is(name: &str, value: &str, this: &str, that: &str) -> Result<bool, Error> {
    match value {
        _ if value == this => Ok(true),
        _ if value == that => Ok(false),
        _ => Err(Error::Other(format!("{name}: expected {this} or {that}"))),
    }
}

fn split(value: &[u8]) -> Result<Vec<&[u8]>, Error> {
    snapshot::split(value).map_err(|error| Error::Other(format!("the value, {error}")))
}
