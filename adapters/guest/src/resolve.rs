//! Calls that are resolved over the import `ccs`.

use ccs_modules::{Ask, Step, StoreError};

pub use self::bindings::ccs::modules::ccs;

#[allow(missing_docs, unsafe_code)]
pub(crate) mod bindings {
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
            ccs::Error::TooLong(why) => StoreError::TooLong(why),
            ccs::Error::Unavailable(why) => StoreError::Unavailable(why),
        }
    }
}
