//! Responses of the server whose content does not come from the plugin.

use ccs_modules::rest::ErrorResponse;
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};

use crate::server::answer::{Answer, fail};

/// Responds to GET and HEAD with this content.
pub(super) fn content(
    method: &Method,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Answer {
    let bytes = bytes.into();
    let length = bytes.len();
    let body = match *method {
        Method::GET => bytes,
        Method::HEAD => Bytes::new(),
        _ => return fail(ErrorResponse::method_not_allowed("GET, HEAD"), method),
    };
    let mut answer = Answer::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}
