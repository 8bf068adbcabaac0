//! Plain-text responses of the server.

use ccs_modules::rest::Refusal;
use hyper::Method;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};

use crate::server::answer::{Answer, refuse};

/// Responds to GET and HEAD with a text.
pub(super) fn page(method: &Method, content_type: &'static str, text: impl Into<String>) -> Answer {
    let text = text.into();
    let length = text.len();
    let body = match *method {
        Method::GET => text,
        Method::HEAD => String::new(),
        _ => return refuse(&Refusal::MethodNotAllowed { allow: "GET, HEAD" }, method),
    };
    let mut answer = Answer::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}
