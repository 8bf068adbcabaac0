//! Responses of the server whose content does not come from the plugin.

use ccs_modules::rest::{self, ErrorResponse};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{Method, StatusCode};

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

/// Gives the content its entity tag. A client that has it already gets 304.
///
/// # Errors
///
/// When the entity tag is none that HTTP allows.
pub(super) fn unless_unchanged(
    mut answer: Answer,
    headers: &[(&str, &[u8])],
    entity_tag: &str,
) -> hyper::http::Result<Answer> {
    if answer.status() == StatusCode::OK {
        if rest::is_unchanged(headers, entity_tag) {
            answer = Answer::default();
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        answer.headers_mut().insert(ETAG, HeaderValue::from_str(entity_tag)?);
        // Without it, a cache would choose for how long it answers.
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Ok(answer)
}
