//! The library of the adapters: an allocator and a panic handler, a call that is resolved over the import
//! `ccs`, the HTTP service without bindings to WASI, and conversions between the types of the core and of a
//! world.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod heap;
pub mod http;
#[cfg(feature = "baked")]
mod image;
mod program;
mod records;

use ccs_modules::{Ask, Step, StoreError};

pub use crate::bindings::ccs::modules::ccs;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "ccs:guest/guest",
        generate_all,
    });
}

/// Resolves a call: asks the store for each document the core needs, and returns the outcome.
/// Blocks.
pub fn resolve<T>(step: Step<T>) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Document(ask)) => {
            let document = ccs::get_document(ask.uid());
            ask.answer(document.map_err(Into::into))
        }
        Step::Ask(Ask::Documents(ask)) => ask.answer(ccs::list_documents().map_err(Into::into)),
    }
}

impl From<ccs::Error> for StoreError {
    fn from(error: ccs::Error) -> Self {
        match error {
            ccs::Error::Denied(why) => StoreError::Denied(why),
            ccs::Error::Other(why) => StoreError::Other(why),
            ccs::Error::Unavailable(why) => StoreError::Unavailable(why),
        }
    }
}
