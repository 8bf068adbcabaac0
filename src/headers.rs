//! Header fields of a request (RFC 9110, section 5).

use alloc::string::String;
use alloc::vec::Vec;

/// Returns the values of the header fields with this name, in the order received.
pub(crate) fn values<'a>(
    headers: &'a [(String, Vec<u8>)],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

/// Returns the value of a header field that must appear exactly once. A second one may come from
/// somebody else, so that neither can be trusted.
pub(crate) fn single<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let mut values = values(headers, name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Tells whether a text can be the name of a header field: a token (RFC 9110, section 5.6.2).
pub(crate) fn is_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}
