//! Error responses: every error body of the project is made here.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;

use crate::error::{Error, StoreError, excerpt};
use crate::rest::Response;
use crate::rest::responder::Responder;

/// The reason why a request is answered with an error. A server or an adapter has reasons of its own. Their
/// responses come from here too, so that every error has the same form.
///
/// ```
/// use ccs_modules::rest::ErrorResponse;
///
/// let error = ErrorResponse::new(503, "not_ready", "the store gives no catalog");
/// let response = error.response("GET");
/// assert_eq!(response.status, 503);
/// assert_eq!(
///     response.body,
///     b"{\"description\":\"the store gives no catalog\",\"error_code\":\"not_ready\"}\n",
/// );
/// assert_eq!(response.cause.as_deref(), Some("the store gives no catalog"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorResponse {
    status: u16,
    code: &'static str,
    description: Cow<'static, str>,
    header: Option<(&'static str, Cow<'static, str>)>,
    cause: Option<String>,
}

impl ErrorResponse {
    /// Makes an error response with this status code from 400 to 599, the `error_code` and the
    /// `description` of its body. The description reaches the client, so it has no secret in it.
    pub fn new(status: u16, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        /// In seconds.
        const RETRY_AFTER: &str = "1";
        let header = (status == 503).then_some(("retry-after", RETRY_AFTER.into()));
        let description = description.into();
        let cause = (status >= 500).then(|| description.clone().into_owned());
        Self { status, code, description, header, cause }
    }

    /// Makes the error for a target or a query that is ill-formed.
    pub(super) fn bad_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "bad_request", description)
    }

    /// Makes the error for a method that is not one of these, which the path allows.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let error = Self::new(405, "method_not_allowed", format!("this path allows only {allow}"));
        Self { header: Some(("allow", allow.into())), ..error }
    }

    /// Makes the error for a configuration that cannot be used. The reason reaches the client,
    /// so it has no secret in it. A [`config::Error`](crate::config::Error) has none.
    pub fn misconfigured(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(500, "misconfigured", reason)
    }

    /// Makes the error for a path that does not exist.
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "there is no such path")
    }

    /// Makes the error for a request without credentials, or with wrong ones.
    pub(super) fn unauthenticated(challenge: &str) -> Self {
        let error = Self::new(401, "unauthenticated", "credentials are missing or wrong");
        Self { header: Some(("www-authenticate", String::from(challenge).into())), ..error }
    }

    /// Makes the error for a caller whose roles may not view modules. Only the log shows the roles, so that
    /// an operator sees what a proxy in front wrote.
    pub(super) fn forbidden(roles: &[String]) -> Self {
        let roles = excerpt(&roles.join(", "));
        let cause = format!("none of the caller's roles may view modules: {roles}");
        Self { cause: Some(cause), ..Error::Forbidden.into() }
    }

    /// Makes the error for a user who may not be shown to the cluster for some time.
    pub(crate) fn too_many_logins(wait: Duration) -> Self {
        let description = "too many logins of this user have failed";
        let seconds = wait.as_secs().saturating_add(1).to_string();
        let error = Self::new(429, "too_many_logins", description);
        Self { header: Some(("retry-after", seconds.into())), ..error }
    }

    /// Makes the error for a caller about whom the cluster cannot be asked. Only the log shows the reason.
    pub(crate) fn caller_unknown(reason: String) -> Self {
        let error = Self::new(503, "caller_unknown", "the cluster cannot be asked who is calling");
        Self { cause: Some(reason), ..error }
    }

    /// Makes the response to a request with this method. HEAD gets no body.
    ///
    /// ```
    /// use ccs_modules::rest::ErrorResponse;
    ///
    /// let error = ErrorResponse::misconfigured("the access policy: users: empty");
    /// let (get, head) = (error.clone().response("GET"), error.response("HEAD"));
    /// assert_eq!((head.status, head.headers, head.body), (get.status, get.headers, vec![]));
    /// ```
    pub fn response(self, method: &str) -> Response {
        Responder::without_caller(method).error(self)
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the error code, such as `not_found`: the `error_code` of the body.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the reason in words: the `description` of the body.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the line for the log: see [`Response::cause`].
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Returns the header field that only this response has.
    pub(super) fn header(&self) -> Option<(&str, &str)> {
        self.header.as_ref().map(|(name, value)| (*name, &**value))
    }

    /// Returns the body, with the members that the API reference documents.
    pub(super) fn body(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            description: &'a str,
            error_code: &'a str,
        }

        let body = Body { description: &self.description, error_code: self.code };
        // Strings can always be written as JSON.
        let mut body = serde_json::to_vec(&body).unwrap_or_default();
        body.push(b'\n');
        body
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Forbidden => (403, "insufficient_permissions"),
            Error::InvalidRedisVersion(_) => (400, "bad_request"),
            Error::Malformed(_) => (500, "malformed_document"),
            Error::NotFound => (404, "module_not_exist"),
            Error::Store(StoreError::Other(_)) => (500, "store_failed"),
            Error::Store(StoreError::TooLong(_)) => (500, "store_answer_too_long"),
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                (503, "store_unavailable")
            }
            Error::UidTooLong { .. } => (414, "uri_too_long"),
        };
        Self::new(status, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_cause_of_a_403_shows_the_roles_of_the_caller() {
        let response = ErrorResponse::forbidden(&["a\n".into(), "none".into()]).response("GET");
        let cause = "none of the caller's roles may view modules: a\u{fffd}, none";
        assert_eq!((response.status, response.cause.as_deref()), (403, Some(cause)));
        assert_eq!(response.body, ErrorResponse::from(Error::Forbidden).response("GET").body);
    }

    #[test]
    fn every_error_body_has_description_and_error_code() {
        for (error, status, code) in [
            (ErrorResponse::bad_request("a \"reason\""), 400, "bad_request"),
            (ErrorResponse::from(Error::NotFound), 404, "module_not_exist"),
            (ErrorResponse::method_not_allowed("GET"), 405, "method_not_allowed"),
            (ErrorResponse::misconfigured("a\nreason"), 500, "misconfigured"),
            (ErrorResponse::not_found(), 404, "not_found"),
            (ErrorResponse::new(503, "not_ready", "no catalog"), 503, "not_ready"),
            (ErrorResponse::unauthenticated("Basic"), 401, "unauthenticated"),
        ] {
            let response = error.clone().response("GET");
            assert_eq!((response.status, error.status(), error.code()), (status, status, code));
            assert_eq!(response.cause.as_deref(), (status >= 500).then_some(error.description()));
            assert_eq!(response.body.last(), Some(&b'\n'));
            let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(body, json!({"description": error.description(), "error_code": code}));

            let header = |name: &str| {
                let found = response.headers.iter().find(|(it, _)| it == name);
                found.map(|(_, value)| value.as_str())
            };
            assert_eq!(header("content-type"), Some("application/json"));
            assert_eq!(header("content-length"), Some(&*response.body.len().to_string()));
            assert_eq!(header("retry-after"), (status == 503).then_some("1"), "{code}");
            assert_eq!(header("allow"), (status == 405).then_some("GET"), "{code}");
            assert_eq!(header("www-authenticate"), (status == 401).then_some("Basic"), "{code}");
        }
    }
}
