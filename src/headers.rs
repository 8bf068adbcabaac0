//! Header fields of a request (RFC 9110, section 5).

use alloc::string::String;
use alloc::vec::Vec;

/// Lends header fields that a host gives as text. A value that was not UTF-8 has U+FFFD in it, so a value
/// with U+FFFD becomes one that is not UTF-8.
///
/// ```
/// use ccs_modules::rest::header_fields;
///
/// let text = [("x-role".to_string(), "a\u{fffd}".to_string())];
/// assert_eq!(header_fields(&text), [("x-role", &b"\xff"[..])]);
/// ```
pub fn header_fields(text: &[(String, String)]) -> Vec<(&str, &[u8])> {
    let bytes = |value| match str::contains(value, char::REPLACEMENT_CHARACTER) {
        true => b"\xff",
        false => value.as_bytes(),
    };
    text.iter().map(|(name, value)| (name.as_str(), bytes(value.as_str()))).collect()
}

/// Returns the values of the header fields with this name, in the order received.
pub(crate) fn values<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    headers: &'a [(N, V)],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = headers.iter().filter(move |(found, _)| found.as_ref().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_ref())
}

/// Returns the value of a header field that must appear exactly once. A second one may come from another
/// sender, so neither can be trusted.
pub(crate) fn single<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    headers: &'a [(N, V)],
    name: &str,
) -> Option<&'a [u8]> {
    let mut values = values(headers, name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Returns whether a text can be the name of a header field: a token (RFC 9110, section 5.6.2).
pub(crate) fn is_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}
