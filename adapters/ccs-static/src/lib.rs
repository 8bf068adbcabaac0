//! The store in a snapshot that is baked in: composed behind this, a component holds the body of
//! `GET /v1/modules` and nothing else.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::{Limits, SyntaxError, snapshot};
use ccs_modules_guest as _;

use crate::bindings::ccs::baked::snapshot::read;
use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Bridge;

    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "ccs:baked/bridge",
        generate_all,
    });
    export!(Bridge with_types_in self);
}

struct Bridge;

impl Guest for Bridge {
    fn list_documents() -> Result<Vec<Document>, Error> {
        let snapshot = read();
        let documents = snapshot::split(&snapshot).map_err(malformed)?;
        Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let snapshot = read();
        let documents = snapshot::split(&snapshot).map_err(malformed)?;
        Ok(snapshot::find(&documents, &uid, &Limits::default()).map(|document| document.to_vec()))
    }
}

/// Not reached in what was baked: it was checked.
fn malformed(error: SyntaxError) -> Error {
    Error::Other(error.to_string())
}
