//! The HTTP service without WASI: the parts of a request come in, a response goes out. The adapters
//! for WASI 0.2 and 0.3 add the bindings.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::access::{Caller, Policy};
use ccs_modules::rest::{self, Refusal, Request, Response};
use ccs_modules::{Limits, config};

use crate::resolve;

/// The environment variable that holds the access policy, as JSON.
const ACCESS: &str = "CCS_ACCESS";

/// Answers one request. `environment` holds the access policy. Without one, no caller is
/// authenticated; with a malformed one, every request is answered with an error.
pub fn answer(
    method: &str,
    target: &str,
    headers: &[(String, Vec<u8>)],
    environment: &[(String, String)],
) -> Response {
    let caller = match policy(environment) {
        Ok(policy) => policy.map_or(Caller::Unauthenticated, |policy| policy.caller(headers)),
        Err(error) => {
            let reason = format!("the access policy in {ACCESS} is ill-formed: {error}");
            return Refusal::Misconfigured(reason).response(method);
        }
    };
    let request = Request { method, target, headers, caller: &caller };
    resolve(rest::handle(&request, &Limits::default()))
}

fn policy(environment: &[(String, String)]) -> Result<Option<Policy>, config::Error> {
    let text = environment.iter().find(|(name, _)| name == ACCESS);
    text.map(|(_, text)| Policy::parse(text.as_bytes())).transpose()
}
