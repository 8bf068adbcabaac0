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
use spin::Once;

use crate::Environment;

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

/// The environment variable that decides what a service in front of another one does with methods that do
/// not read.
const METHODS: &str = "CCS_METHODS";

/// A service: its environment, and the access policy in it, read once.
#[derive(Debug)]
pub struct Service {
    environment: Environment,
    policy: Result<Option<Policy>, config::Error>,
}

impl Service {
    /// Makes a service of its environment. Without an access policy, no caller is authenticated; with a
    /// malformed one, every request is answered with an error.
    pub fn new(environment: Environment) -> Self {
        let policy = environment.get(ACCESS).map(|text| Policy::parse(text.as_bytes()));
        Self { policy: policy.transpose(), environment }
    }

    /// Returns the service of this instance. Its environment stays the same, and is read by the first call.
    pub fn of_instance(environment: fn() -> Vec<(String, String)>) -> &'static Self {
        static SERVICE: Once<Service> = Once::new();
        SERVICE.call_once(|| Self::new(Environment::new(environment())))
    }

    /// Returns whether a service in front of another one answers a request; if not, it hands the request
    /// on.
    ///
    /// # Errors
    ///
    /// An environment that is set up wrongly. The request is answered with this error.
    pub fn is_answered(&self, method: &str, target: &str) -> Result<bool, ErrorResponse> {
        if !is_api_path(target) {
            return Ok(false);
        }
        let methods = match self.environment.get(METHODS) {
            None => Methods::default(),
            Some(word) => {
                let refused = |reason| ErrorResponse::misconfigured(format!("{METHODS}: {reason}"));
                word.parse().map_err(refused)?
            }
        };
        Ok(methods.answers(method))
    }

    /// Answers one request. The store is the import `ccs`, or the catalog that is baked in.
    pub fn answer(&self, method: &str, target: &str, headers: &[(String, Vec<u8>)]) -> Output {
        self.answer_by(method, target, headers, handle)
    }

    /// Answers one request as [`answer`](Self::answer) does, by a function that has the store.
    pub fn answer_by(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, Vec<u8>)],
        handle: impl FnOnce(&Request<'_>) -> Response<Cow<'static, [u8]>>,
    ) -> Output {
        let headers = lent(headers);
        let caller = match &self.policy {
            Ok(None) => Caller::Unauthenticated(None),
            Ok(Some(policy)) => policy.caller(&headers),
            Err(error) => {
                let reason = format!("the access policy in {ACCESS} is ill-formed: {error}");
                return self.fail(ErrorResponse::misconfigured(reason), method);
            }
        };

        let response = handle(&Request { method, target, headers: &headers, caller: &caller });
        self.output(response)
    }

    /// Answers a request with an error that an adapter has found.
    pub fn fail(&self, error: ErrorResponse, method: &str) -> Output {
        self.output(error.response(method).into())
    }

    fn output(&self, response: Response<Cow<'static, [u8]>>) -> Output {
        let log = match (&response.cause, response.status) {
            (Some(cause), status) => Some(format!("ccs-modules: {status}: {cause}\n")),
            (None, 401) if matches!(self.policy, Ok(None)) => Some(format!(
                "ccs-modules: {ACCESS} is not set: every request is answered with 401; set it to an \
                 access policy\n"
            )),
            _ => None,
        };
        Output { response, log }
    }
}

/// Lends header fields to the core.
fn lent(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
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
