//! The exported interface `ccs`.

use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::{Limits, StoreError, sort_documents};
use ccs_modules_guest::Environment;
use resp_rs::resp2::Frame;
use spin::Once;

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
        let config = config()?;
        let values = Connection::open(config)?.ask(&["HVALS", &config.key])?;
        let Frame::Array(Some(values)) = values else {
            return Err(config.speaks_otherwise().into());
        };
        // A hash that exists is never empty.
        if values.is_empty() && !config.missing_is_empty {
            return Err(config.missing().into());
        }
        let values = values.into_iter().map(|value| document(config, value));
        let mut documents = values.collect::<Result<Vec<_>, _>>()?;
        // A hash has no order.
        sort_documents(&mut documents, &Limits::default());
        Ok(documents)
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = config()?;
        let mut connection = Connection::open(config)?;
        match connection.ask(&["HGET", &config.key, &uid])? {
            Frame::BulkString(None) if config.missing_is_empty => Ok(None),
            Frame::BulkString(None) => match connection.ask(&["EXISTS", &config.key])? {
                Frame::Integer(0) => Err(config.missing().into()),
                Frame::Integer(_) => Ok(None),
                _ => Err(config.speaks_otherwise().into()),
            },
            value => Ok(Some(document(config, value)?)),
        }
    }
}

/// Returns the configuration of this instance, which is read once: its environment stays the same.
fn config() -> Result<&'static Config, StoreError> {
    static CONFIG: Once<Result<Config, StoreError>> = Once::new();
    let config = CONFIG.call_once(|| Config::new(&Environment::new(get_environment())));
    config.as_ref().map_err(StoreError::clone)
}

fn document(config: &Config, value: Frame) -> Result<Document, StoreError> {
    match value {
        Frame::BulkString(Some(value)) => Ok(value.into()),
        _ => Err(config.speaks_otherwise()),
    }
}
