//! What the components have in common: the import `ccs`, and a call that is resolved over it. And the
//! HTTP service without WASI: a request's parts come in, a response goes out. WASI 0.2 and 0.3 add
//! their bindings and nothing else.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::access::{Policy, PolicyError};
use ccs_modules::rest::{self, Request, Response};
use ccs_modules::{Ask, Limits, Step, StoreError};

pub use crate::bindings::ccs::modules::ccs;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "ccs:service/service",
        generate_all,
    });
}

/// The variable of the environment that holds the access policy, as JSON.
const ACCESS: &str = "CCS_ACCESS";

/// Answers one request, in an environment. Without an access policy nobody is authenticated; with
/// one that is ill-formed nothing is served.
pub fn answer(
    method: &str,
    target: &str,
    headers: &[(String, Vec<u8>)],
    environment: &[(String, String)],
) -> Response {
    let roles = match policy(environment) {
        Ok(policy) => policy.and_then(|policy| policy.roles(headers)),
        Err(error) => {
            let reason = format!("the access policy in {ACCESS} is ill-formed: {error}");
            return rest::misconfigured(method, &reason);
        }
    };
    let request = Request { method, target, headers, roles: roles.as_deref() };
    resolve(rest::handle(&request, &Limits::default()))
}

fn policy(environment: &[(String, String)]) -> Result<Option<Policy>, PolicyError> {
    let text = environment.iter().find(|(name, _)| name == ACCESS);
    text.map(|(_, text)| Policy::parse(text.as_bytes())).transpose()
}

/// The outcome of a call, the host's store asked where the core asks. Blocks.
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
