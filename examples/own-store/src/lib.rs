//! A store of your own: a component that exports the interface `ccs`.
//!
//! This one has two documents. A real one would ask something: over `wasi:http`, `wasi:sockets`,
//! `wasi:keyvalue` or an interface of the host.

// Natively the crate is empty: only a component can export what it exports.
#![cfg(target_family = "wasm")]

use crate::bindings::exports::ccs::modules::ccs::{Document, Error, Guest};

#[allow(missing_docs, unsafe_code, reason = "generated code")]
mod bindings {
    use super::Store;

    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package example:own-store;

            world store {
                export ccs:modules/ccs@0.1.0;
            }
        ",
        world: "example:own-store/store",
        generate_all,
    });
    export!(Store with_types_in self);
}

struct Store;

impl Guest for Store {
    fn list_documents() -> Result<Vec<Document>, Error> {
        Ok(DOCUMENTS.map(|(_, document)| document.into()).into())
    }

    fn get_document(uid: String) -> Result<Option<Document>, Error> {
        let found = DOCUMENTS.iter().find(|(known, _)| *known == uid);
        Ok(found.map(|(_, document)| document.as_bytes().into()))
    }
}

/// Documents by uid.
const DOCUMENTS: [(&str, &str); 2] = [
    ("1", r#"{"uid": "1", "module_name": "bf", "semantic_version": "8.0.1"}"#),
    ("2", r#"{"uid": "2", "module_name": "search", "semantic_version": "7.99.91"}"#),
];
