//! Header fields of HTTP messages, in the form that the core takes.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Lends header fields to the core.
pub(crate) fn lent(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Copies header fields: the names as text, the values as bytes.
pub(crate) fn owned(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let owned = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(owned).collect()
}
