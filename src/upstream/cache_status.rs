//! The header field `cache-status` of a response (RFC 9211).

use alloc::string::String;

use crate::headers;
use crate::upstream::Response;

/// Whether a response was fresh, as the caches on its way report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum CacheStatus {
    /// No cache reports.
    #[default]
    Absent,
    /// No cache reports that the response was stale.
    Fresh,
    /// A cache reports that the response was stale, for this reason, which may be empty.
    Stale(String),
}

impl CacheStatus {
    /// Reads the header fields of a response. A negative `ttl` is a stale response.
    pub(super) fn of(response: &Response) -> Self {
        let mut status = Self::Absent;
        let values = headers::values(&response.headers, "cache-status");
        for value in values.filter_map(|value| core::str::from_utf8(value).ok()) {
            for cache in split(value, ',').filter(|cache| !cache.trim().is_empty()) {
                let parameter = |name: &str| {
                    let mut named = split(cache, ';').filter_map(|it| it.trim().split_once('='));
                    named.find_map(|(key, value)| (key == name).then_some(value))
                };
                let ttl = parameter("ttl").and_then(|ttl| ttl.parse::<i64>().ok());
                if ttl.is_some_and(|ttl| ttl < 0) {
                    return Self::Stale(unquoted(parameter("detail").unwrap_or_default()));
                }
                status = Self::Fresh;
            }
        }
        status
    }
}

/// Splits a structured field at a separator that is not in a string (RFC 9651, section 4.2).
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        if character == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && character == '\\' && !is_escaped;
        character == separator && !is_quoted
    })
}

/// Returns the characters of a string of a structured field, or a token as it is.
fn unquoted(text: &str) -> String {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let mut characters = text.chars();
    let next = || match characters.next()? {
        '\\' => characters.next(),
        character => Some(character),
    };
    core::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_negative_ttl_is_a_stale_response() {
        let stale = |why: &str| CacheStatus::Stale(why.into());
        for (values, expected) in [
            (&[][..], CacheStatus::Absent),
            (&["ccs-modules; hit; ttl=57"], CacheStatus::Fresh),
            (&["cdn; fwd=miss"], CacheStatus::Fresh),
            (&["a; hit; ttl=-1"], stale("")),
            (&["a; ttl=-1;detail=\"x; \\\"y\\\", \\\\\"", "b; hit; ttl=5"], stale("x; \"y\", \\")),
            (&["a; detail=\"; ttl=-1, \"; ttl=3 , b;hit"], CacheStatus::Fresh),
            (&["b; hit", "a; hit; ttl=-77; detail=late"], stale("late")),
        ] {
            let headers = values.iter().map(|value| ("Cache-Status".into(), Vec::from(*value)));
            let headers = headers.collect();
            let response = Response { status: 200, headers, body: Vec::new() };
            assert_eq!(CacheStatus::of(&response), expected, "{values:?}");
        }
    }
}
