//! Header fields of HTTP messages, in the forms that the core takes.

use ccs_modules::rest::REQUEST_FIELDS;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Lends header fields: the names as text, the values as bytes.
pub(crate) fn borrowed(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Copies header fields: the names as text, the values as bytes.
pub(crate) fn owned(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let owned = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(owned).collect()
}

/// Copies the header fields that the API reads as text, as the contract has them: with U+FFFD in place of what is not
/// UTF-8.
pub(crate) fn of_request(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().filter(|(name, _)| REQUEST_FIELDS.contains(&name.as_str())).map(text).collect()
}
