//! Responses of the core, as hyper sends them.

use ccs_modules::rest::ErrorResponse;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::Error;
use hyper::{Method, StatusCode};

/// A response, whole.
pub(super) type Answer = hyper::Response<Full<Bytes>>;

/// Makes a hyper response.
///
/// # Errors
///
/// If HTTP does not allow the status or a header field.
pub(super) fn answer(
    status: u16,
    headers: Vec<(String, String)>,
    body: impl Into<Bytes>,
) -> Result<Answer, Error> {
    let mut answer = hyper::Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer.body(Full::new(body.into()))
}

/// Makes the error response to a request with this method.
pub(super) fn fail(error: ErrorResponse, method: &Method) -> Answer {
    let response = error.response(method.as_str());
    answer(response.status, response.headers, response.body).unwrap_or_else(|error| {
        tracing::error!(reason = %error, "the core made a response that HTTP does not allow");
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

/// Makes the bytes of an error response on an HTTP/1.1 connection that ends after it.
pub(super) fn last_answer(error: ErrorResponse) -> Vec<u8> {
    let response = error.response("GET");
    let reason = StatusCode::from_u16(response.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", response.status);
    for (name, value) in &response.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "connection: close\r\n\r\n";
    [head.into_bytes(), response.body].concat()
}
