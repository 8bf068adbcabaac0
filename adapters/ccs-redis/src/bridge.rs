//! The exported interface `ccs`.

use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::{Limits, StoreError, sort_documents};
use ccs_modules_guest as _;
use resp_rs::resp2::Frame;

use self::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use self::bindings::wasi::cli::environment::get_environment;
use crate::config::Config;
use crate::connection::ask;

#[allow(missing_docs, unsafe_code)]
pub(crate) mod bindings {
    use super::Bridge;

    wit_bindgen::generate!({
        path: ["../../wit", "../wasi/0.2", "wit"],
        world: "ccs:redis/bridge",
        generate_all,
    });
    export!(Bridge with_types_in self);
}

struct Bridge;

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let config = Config::new(get_environment())?;
        let Frame::Array(Some(values)) = ask(&config, &["HVALS", &config.key])? else {
            return Err(config.speaks_otherwise().into());
        };
        let values = values.into_iter().map(|value| document(&config, value));
        let mut documents = values.collect::<Result<Vec<_>, _>>()?;
        // A hash has no order.
        sort_documents(&mut documents, &Limits::default());
        Ok(documents)
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = Config::new(get_environment())?;
        match ask(&config, &["HGET", &config.key, &uid])? {
            Frame::BulkString(None) => Ok(None),
            value => Ok(Some(document(&config, value)?)),
        }
    }
}

fn document(config: &Config, value: Frame) -> Result<Document, StoreError> {
    match value {
        Frame::BulkString(Some(value)) => Ok(value.into()),
        _ => Err(config.speaks_otherwise()),
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Denied(why) => Error::Denied(why),
            StoreError::Unavailable(why) => Error::Unavailable(why),
            StoreError::Other(why) => Error::Other(why),
            error => Error::Other(alloc::string::ToString::to_string(&error)),
        }
    }
}
