//! The store in a Redis hash: field uid, value document. Each call has a connection of its own, one
//! command, and a deadline.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod config;
mod connection;
mod deadline;
mod reply;

use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::{Limits, sort_documents};
use ccs_modules_guest as _;
use resp_rs::resp2::Frame;

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};
use crate::config::Config;
use crate::connection::ask;

#[allow(missing_docs, unsafe_code)]
mod bindings {
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
        let config = Config::from_environment()?;
        let Frame::Array(Some(values)) = ask(&config, &["HVALS", &config.key])? else {
            return Err(reply::unexpected());
        };
        let mut documents = values.into_iter().map(document).collect::<Result<Vec<_>, _>>()?;
        // A hash has no order.
        sort_documents(&mut documents, &Limits::default());
        Ok(documents)
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let config = Config::from_environment()?;
        match ask(&config, &["HGET", &config.key, &uid])? {
            Frame::BulkString(None) => Ok(None),
            value => document(value).map(Some),
        }
    }
}

fn document(value: Frame) -> Result<Document, Error> {
    match value {
        Frame::BulkString(Some(value)) => Ok(value.into()),
        _ => Err(reply::unexpected()),
    }
}
