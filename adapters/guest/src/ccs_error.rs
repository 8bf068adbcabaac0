//! The errors of an exported interface `ccs`.
//!
//! Each bridge has its own Rust type for them, so this file is a module of each:
//! `#[path = "../../guest/src/ccs_error.rs"] mod ccs_error;`.

use ccs_modules::StoreError;

use crate::bindings::exports::ccs::modules::ccs::Error;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Denied(why) => Self::Denied(why),
            StoreError::Unavailable(why) => Self::Unavailable(why),
            StoreError::TooLong(why) => Self::TooLong(why),
            error => Self::Other(error.reason().into()),
        }
    }
}
