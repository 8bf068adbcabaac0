//! The HTTP service without WASI: the parts of a request come in, a response goes out. The adapters
//! for WASI 0.2 and 0.3 add the bindings.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::Limits;
use ccs_modules::access::{Policy, PolicyError};
use ccs_modules::rest::{self, Request, Response};

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
