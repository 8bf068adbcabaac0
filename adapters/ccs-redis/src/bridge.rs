//! The exported interface `ccs`.

use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::{Limits, StoreError, sort_documents};
use ccs_modules_guest as _;
use resp_rs::resp2::Frame;

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::bindings::wasi::cli::environment::get_environment;
use crate::config::Config;
use crate::connection::Connection;

struct Bridge;

#[allow(missing_docs, unsafe_code)]
mod exported {
    use super::Bridge;

    crate::bindings::export!(Bridge);
}

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let config = Config::new(get_environment())?;
        let values = Connection::open(&config)?.ask(&["HVALS", &config.key])?;
        let Frame::Array(Some(values)) = values else {
            return Err(config.speaks_otherwise().into());
        };
        // A hash that exists is never empty.
        if values.is_empty() && !config.missing_is_empty {
            return Err(config.missing().into());
        }
        let values = values.into_iter().map(|value| document(&config, value));
        let mut documents = values.collect::<Result<Vec<_>, _>>()?;
        // A hash has no order.
        sort_documents(&mut documents, &Limits::default());
        Ok(documents)
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = Config::new(get_environment())?;
        let mut connection = Connection::open(&config)?;
        match connection.ask(&["HGET", &config.key, &uid])? {
            Frame::BulkString(None) if config.missing_is_empty => Ok(None),
            Frame::BulkString(None) => match connection.ask(&["EXISTS", &config.key])? {
                Frame::Integer(0) => Err(config.missing().into()),
                Frame::Integer(_) => Ok(None),
                _ => Err(config.speaks_otherwise().into()),
            },
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
            StoreError::TooLong(why) => Error::TooLong(why),
            error => Error::Other(error.reason().into()),
        }
    }
}
