//! Refusals: every error body of the project is made here.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, StoreError};
use crate::rest::Response;
use crate::rest::responder::Responder;

/// The reason why a request is answered with an error. Some of these only a server or an adapter
/// meets: their responses come from here too, so that every error has the same form.
///
/// ```
/// use ccs_modules::rest::Refusal;
///
/// let response = Refusal::NotReady.response("GET");
/// assert_eq!(response.status, 503);
/// assert_eq!(
///     response.body,
///     b"{\"description\":\"the store gives no catalog\",\"error_code\":\"not_ready\"}\n",
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// An ill-formed request target: what is wrong with it.
    BadRequest(&'static str),
    /// The call failed inside the host, which logs the reason.
    CallFailed,
    /// The call took longer than the host allows.
    CallTimedOut,
    /// An error of the typed calls.
    Catalog(Error),
    /// Header fields longer than the server allows.
    HeadersTooLong,
    /// An answer that takes more memory than an instance of a component may have.
    MemoryExhausted {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A method that the path does not allow: the methods that it allows, as in `allow`.
    MethodNotAllowed {
        /// The value of the header field `allow`.
        allow: &'static str,
    },
    /// A configuration that nothing can be served with: what is wrong with it. The text reaches the
    /// client, so it holds no secret; a [`config::Error`](crate::config::Error) holds none.
    Misconfigured(String),
    /// A request that does not accept JSON.
    NotAcceptable,
    /// A path that does not exist.
    NotFound,
    /// A store that gives no catalog, as the readiness probe is told.
    NotReady,
    /// A request whose head did not arrive in time.
    RequestTimedOut,
    /// A request target longer than [`Limits::target_bytes`](crate::Limits::target_bytes).
    TargetTooLong,
    /// More connections than the server allows.
    TooManyConnections,
    /// Requests and responses in flight that hold more memory than the server allows.
    TooMuchInFlight,
    /// A request without credentials, or with wrong ones, and the challenge in `www-authenticate`.
    /// `None` asks for HTTP Basic.
    Unauthenticated(Option<String>),
}

impl Refusal {
    /// Makes the response to a request with this method. HEAD gets no body.
    ///
    /// ```
    /// use ccs_modules::rest::Refusal;
    ///
    /// let refusal = Refusal::Misconfigured("the access policy: users: empty".into());
    /// let (get, head) = (refusal.response("GET"), refusal.response("HEAD"));
    /// assert_eq!((head.status, head.headers, head.body), (get.status, get.headers, vec![]));
    /// ```
    pub fn response(&self, method: &str) -> Response {
        Responder::without_caller(method).refuse(self)
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status_and_code().0
    }

    /// Returns the error code, such as `not_found`: the `error_code` of the body.
    pub fn error_code(&self) -> &'static str {
        self.status_and_code().1
    }

    /// Returns the reason in words: the `description` of the body.
    pub fn description(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::BadRequest(reason) => reason,
            Self::CallFailed => "the request could not be answered; the log of the server says why",
            Self::CallTimedOut => "the request could not be answered in time",
            Self::Catalog(error) => return error.to_string().into(),
            Self::HeadersTooLong => "the header fields are too long",
            Self::MemoryExhausted { limit } => {
                return format!("the answer takes more memory than the limit of {limit} bytes")
                    .into();
            }
            Self::MethodNotAllowed { allow } => {
                return format!("this path allows only {allow}").into();
            }
            Self::Misconfigured(reason) => reason,
            Self::NotAcceptable => "the response is application/json, which accept excludes",
            Self::NotFound => "there is no such path",
            Self::NotReady => "the store gives no catalog",
            Self::RequestTimedOut => "the request did not arrive in time",
            Self::TargetTooLong => "the request target is too long",
            Self::TooManyConnections => "there are too many connections",
            Self::TooMuchInFlight => "requests and responses in flight hold too much memory",
            Self::Unauthenticated(_) => "credentials are missing or wrong",
        })
    }

    /// Returns the header field that only this refusal has.
    pub(super) fn header(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::MethodNotAllowed { allow } => Some(("allow", allow)),
            Self::Unauthenticated(challenge) => {
                Some(("www-authenticate", challenge.as_deref().unwrap_or(CHALLENGE)))
            }
            _ if self.status() == 503 => Some(("retry-after", RETRY_AFTER)),
            _ => None,
        }
    }

    /// Returns the body, with the members that the API reference documents.
    pub(super) fn body(&self) -> Vec<u8> {
        let error = ErrorBody { description: &self.description(), error_code: self.error_code() };
        // Nothing in it fails to be written as JSON.
        let mut body = serde_json::to_vec(&error).unwrap_or_default();
        body.push(b'\n');
        body
    }

    fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::BadRequest(_) => (400, "bad_request"),
            Self::CallFailed => (500, "internal_error"),
            Self::CallTimedOut => (503, "timed_out"),
            Self::Catalog(error) => match error {
                Error::Forbidden => (403, "insufficient_permissions"),
                Error::Malformed(_) => (500, "malformed_document"),
                Error::NotFound => (404, "module_not_exist"),
                Error::Store(StoreError::Other(_)) => (500, "store_failed"),
                Error::Store(StoreError::TooLong(_)) => (500, "store_answer_too_long"),
                Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                    (503, "store_unavailable")
                }
                Error::UidTooLong { .. } => (414, "uri_too_long"),
            },
            Self::HeadersTooLong => (431, "header_too_long"),
            Self::MemoryExhausted { .. } => (500, "memory_exhausted"),
            Self::MethodNotAllowed { .. } => (405, "method_not_allowed"),
            Self::Misconfigured(_) => (500, "misconfigured"),
            Self::NotAcceptable => (406, "not_acceptable"),
            Self::NotFound => (404, "not_found"),
            Self::NotReady => (503, "not_ready"),
            Self::RequestTimedOut => (408, "request_timeout"),
            Self::TargetTooLong => (414, "uri_too_long"),
            Self::TooManyConnections => (503, "too_many_connections"),
            Self::TooMuchInFlight => (503, "too_much_in_flight"),
            Self::Unauthenticated(_) => (401, "unauthenticated"),
        }
    }
}

/// The body of an error.
#[derive(Serialize)]
struct ErrorBody<'a> {
    description: &'a str,
    error_code: &'static str,
}

const CHALLENGE: &str = "Basic realm=\"ccs-modules\", charset=\"UTF-8\"";
/// Seconds.
const RETRY_AFTER: &str = "1";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_refusal_has_one_form() {
        for (refusal, status, code) in [
            (Refusal::BadRequest("a \"reason\""), 400, "bad_request"),
            (Refusal::CallFailed, 500, "internal_error"),
            (Refusal::CallTimedOut, 503, "timed_out"),
            (Refusal::Catalog(Error::NotFound), 404, "module_not_exist"),
            (Refusal::HeadersTooLong, 431, "header_too_long"),
            (Refusal::MemoryExhausted { limit: 1 }, 500, "memory_exhausted"),
            (Refusal::MethodNotAllowed { allow: "GET" }, 405, "method_not_allowed"),
            (Refusal::Misconfigured("a\nreason".into()), 500, "misconfigured"),
            (Refusal::NotAcceptable, 406, "not_acceptable"),
            (Refusal::NotFound, 404, "not_found"),
            (Refusal::NotReady, 503, "not_ready"),
            (Refusal::RequestTimedOut, 408, "request_timeout"),
            (Refusal::TargetTooLong, 414, "uri_too_long"),
            (Refusal::TooManyConnections, 503, "too_many_connections"),
            (Refusal::TooMuchInFlight, 503, "too_much_in_flight"),
            (Refusal::Unauthenticated(None), 401, "unauthenticated"),
        ] {
            let response = refusal.response("GET");
            assert_eq!((response.status, refusal.error_code()), (status, code));
            assert_eq!(response.body.last(), Some(&b'\n'));
            let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(body, json!({"description": refusal.description(), "error_code": code}));
            let header = |name: &str| {
                let found = response.headers.iter().find(|(it, _)| it == name);
                found.map(|(_, value)| value.as_str())
            };
            assert_eq!(header("content-type"), Some("application/json"));
            assert_eq!(header("content-length"), Some(&*response.body.len().to_string()));
            assert_eq!(header("retry-after"), (status == 503).then_some("1"), "{code}");
            assert_eq!(header("allow"), (status == 405).then_some("GET"), "{code}");
            assert_eq!(header("www-authenticate").is_some(), status == 401, "{code}");
        }
    }
}
