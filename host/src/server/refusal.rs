//! The server's own answers, in the form that the API's errors have.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use serde_json::json;

/// A response, whole.
pub(super) type Answer = hyper::Response<Full<Bytes>>;

/// Why the server itself answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// The plugin gave no answer.
    CallFailed,
    /// The plugin gave no answer in time.
    CallTimedOut,
    /// The head of the request did not arrive in time.
    HeadTooSlow,
    /// The header fields are too long.
    HeadersTooLong,
    /// Not a method of one of the server's own paths.
    MethodNotAllowed,
    /// Not one of the server's own paths, where there are no others.
    NotFound,
    /// The store does not answer.
    NotReady,
    /// There are too many connections.
    TooManyConnections,
    /// Requests and answers in flight hold too much.
    TooMuchInFlight,
}

impl Refusal {
    /// The answer to a request with this method.
    pub(super) fn answer(self, method: &Method) -> Answer {
        let body = self.body();
        let length = body.len();
        let body = if method == Method::HEAD { String::new() } else { body };
        let mut answer = Answer::new(body.into());
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, length.into());
        if let Some((name, value)) = self.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    }

    /// The answer as it goes over an HTTP/1.1 connection that ends with it.
    pub(super) fn last_answer(self) -> Vec<u8> {
        let (status, body) = (self.status(), self.body());
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn status(self) -> StatusCode {
        match self {
            Self::CallFailed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::CallTimedOut
            | Self::NotReady
            | Self::TooManyConnections
            | Self::TooMuchInFlight => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HeadersTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::CallTimedOut
            | Self::NotReady
            | Self::TooManyConnections
            | Self::TooMuchInFlight => Some((RETRY_AFTER, "1")),
            Self::MethodNotAllowed => Some((ALLOW, "GET, HEAD")),
            _ => None,
        }
    }

    fn body(self) -> String {
        let (error_code, description) = match self {
            Self::CallFailed => ("internal_error", "the request could not be answered"),
            Self::CallTimedOut => ("timed_out", "the request could not be answered in time"),
            Self::HeadTooSlow => ("request_timeout", "the request did not arrive in time"),
            Self::HeadersTooLong => ("header_too_long", "the header fields are too long"),
            Self::MethodNotAllowed => ("method_not_allowed", "this path allows GET and HEAD"),
            Self::NotFound => ("not_found", "there is no such path"),
            Self::NotReady => ("not_ready", "the store does not answer"),
            Self::TooManyConnections => ("too_many_connections", "there are too many connections"),
            Self::TooMuchInFlight => ("too_much_in_flight", "there is too much in flight"),
        };
        format!("{}\n", json!({"description": description, "error_code": error_code}))
    }
}
