//! The HTTP service without WASI: the parts of a request come in, a response goes out. The adapters
//! for WASI 0.2 and 0.3 add the bindings.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules::access::{Caller, Policy};
#[cfg(not(feature = "baked"))]
use ccs_modules::rest;
use ccs_modules::rest::{ErrorResponse, Methods, Request, Response, is_api_path};
use ccs_modules::{Limits, config};

/// The environment variable with the access policy, as JSON.
const ACCESS: &str = "CCS_ACCESS";

/// The response to a request, and the line for the log about it.
#[derive(Debug)]
pub struct Output {
    /// The response.
    pub response: Response<Cow<'static, [u8]>>,
    /// The line for the log: the cause of a 5xx or a 403, or that there is no access policy. None for any other
    /// response.
    pub log: Option<String>,
}

impl Output {
    fn new(response: Response<Cow<'static, [u8]>>, environment: &[(String, String)]) -> Self {
        let log = match (&response.cause, response.status) {
            (Some(cause), status) => Some(format!("ccs-modules: {status}: {cause}\n")),
            (None, 401) if !environment.iter().any(|(name, _)| name == ACCESS) => Some(format!(
                "ccs-modules: {ACCESS} is not set: every request is answered with 401; set it to an \
                 access policy\n"
            )),
            _ => None,
        };
        Self { response, log }
    }
}

/// The environment variable that decides what a service in front of another one does with methods that do
/// not read.
const METHODS: &str = "CCS_METHODS";

/// Returns whether a service in front of another one answers a request; if not, it hands the request
/// on.
///
/// # Errors
///
/// An environment that is set up wrongly. The request is answered with this error.
pub fn is_answered(
    method: &str,
    target: &str,
    environment: &[(String, String)],
) -> Result<bool, ErrorResponse> {
    if !is_api_path(target) {
        return Ok(false);
    }
    let methods = match environment.iter().find(|(name, _)| name == METHODS) {
        None => Methods::default(),
        Some((name, word)) => {
            let refused = |reason| ErrorResponse::misconfigured(format!("{name}: {reason}"));
            word.parse().map_err(refused)?
        }
    };
    Ok(methods.answers(method))
}

/// Lends header fields to the core.
pub fn lent(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Answers one request. `environment` has the access policy. Without one, no caller is
/// authenticated; with a malformed one, every request is answered with an error. The store is the import `ccs`, or the
/// catalog that is baked in.
pub fn answer(
    method: &str,
    target: &str,
    headers: &[(String, Vec<u8>)],
    environment: &[(String, String)],
) -> Output {
    answer_by(method, target, headers, environment, handle)
}

/// Answers one request as [`answer`] does, by a function that has the store.
pub fn answer_by(
    method: &str,
    target: &str,
    headers: &[(String, Vec<u8>)],
    environment: &[(String, String)],
    handle: impl FnOnce(&Request<'_>) -> Response<Cow<'static, [u8]>>,
) -> Output {
    let headers = lent(headers);
    let caller = match policy(environment) {
        Ok(policy) => {
            policy.map_or(Caller::Unauthenticated(None), |policy| policy.caller(&headers))
        }
        Err(error) => {
            let reason = format!("the access policy in {ACCESS} is ill-formed: {error}");
            return fail(ErrorResponse::misconfigured(reason), method, environment);
        }
    };

    let response = handle(&Request { method, target, headers: &headers, caller: &caller });
    Output::new(response, environment)
}

/// Answers a request with an error that an adapter has found.
pub fn fail(error: ErrorResponse, method: &str, environment: &[(String, String)]) -> Output {
    Output::new(error.response(method).into(), environment)
}

/// Answers over the import `ccs`.
#[cfg(not(feature = "baked"))]
fn handle(request: &Request<'_>) -> Response<Cow<'static, [u8]>> {
    crate::resolve(rest::handle(request, &Limits::default())).into()
}

/// Answers from the catalog that is baked in. The body of the list is borrowed from it.
#[cfg(feature = "baked")]
fn handle(request: &Request<'_>) -> Response<Cow<'static, [u8]>> {
    let reason = match crate::image::image().map(ccs_modules::Snapshot::from_image) {
        Some(Ok(snapshot)) => return snapshot.handle_from_image(request, &Limits::default()),
        Some(Err(error)) => {
            format!("cannot read the catalog in this component: {error}; bake it again")
        }
        None => "this component has no catalog, `ccs-modules bake` puts one in".into(),
    };
    ErrorResponse::misconfigured(reason).response(request.method).into()
}

fn policy(environment: &[(String, String)]) -> Result<Option<Policy>, config::Error> {
    let text = environment.iter().find(|(name, _)| name == ACCESS);
    text.map(|(_, text)| Policy::parse(text.as_bytes())).transpose()
}
