//! Header fields of a request (RFC 9110, section 5).

/// Returns the values of the header fields with this name, in the order received.
pub(crate) fn values<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    headers: &'a [(N, V)],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = headers.iter().filter(move |(found, _)| found.as_ref().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_ref())
}

/// Returns the value of a header field that must appear exactly once. A second one may come from
/// somebody else, so that neither can be trusted.
pub(crate) fn single<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    headers: &'a [(N, V)],
    name: &str,
) -> Option<&'a [u8]> {
    let mut values = values(headers, name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Tells whether a text can be the name of a header field: a token (RFC 9110, section 5.6.2).
pub(crate) fn is_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}
