//! The header field `accept` (RFC 9110, section 12.5.1).

use alloc::string::String;

use mediatype::names::{_STAR, APPLICATION, JSON, Q};
use mediatype::{MediaType, MediaTypeList, ReadParams as _};

/// Returns whether `application/json` is acceptable. The most specific range that covers it decides, and
/// refuses it with a weight of 0. Without a range everything is acceptable. A range that cannot be read
/// covers nothing.
pub(super) fn accepts_json<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut any, mut best) = (false, None);
    for value in values {
        // Empty elements of a list do not count (RFC 9110, section 5.6.1).
        any |= value.iter().any(|byte| !matches!(byte, b',' | b' ' | b'\t'));
        let value = without_empty_parameters(core::str::from_utf8(value).unwrap_or_default());
        for range in MediaTypeList::new(&value).flatten() {
            let Some(specificity) = specificity(&range) else { continue };
            // Of two equally specific ranges the one that accepts counts.
            best = best.max(Some((specificity, !has_zero_weight(&range))));
        }
    }
    !any || best.is_some_and(|(_, accepted)| accepted)
}

/// Drops the parameters that are empty (RFC 9110, section 5.6.6), which the parser refuses.
fn without_empty_parameters(value: &str) -> String {
    let mut cleaned = String::with_capacity(value.len());
    let (mut in_quotes, mut is_escaped) = (false, false);
    for character in value.chars() {
        if !in_quotes && matches!(character, ';' | ',') {
            cleaned.truncate(cleaned.trim_end_matches([';', ' ', '\t']).len());
        }
        in_quotes ^= character == '"' && !is_escaped;
        is_escaped = in_quotes && character == '\\' && !is_escaped;
        cleaned.push(character);
    }
    cleaned.truncate(cleaned.trim_end_matches([';', ' ', '\t']).len());
    cleaned
}

/// Returns how closely a range covers `application/json`, if it does. Parameters do not matter: JSON
/// has none that would select another representation.
fn specificity(range: &MediaType<'_>) -> Option<usize> {
    let covering = [(_STAR, _STAR), (APPLICATION, _STAR), (APPLICATION, JSON)];
    covering.iter().position(|names| *names == (range.ty, range.subty))
}

/// Returns whether the weight of a range is 0 (`q=0`, `q=0.`, `q=0.000`).
fn has_zero_weight(range: &MediaType<'_>) -> bool {
    range.get_param(Q).is_some_and(|weight| {
        let weight = weight.as_str();
        weight.starts_with('0') && weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_of_accept_decides() {
        for (values, expected) in [
            (&[][..], true),
            (&["*/*"], true),
            (&["application/*"], true),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["text/html, application/json;q=0.1"], true),
            (&["text/html", "*/*;q=0.001"], true),
            (&[""], true),
            (&[" , "], true),
            (&["application/json; ;q=1"], true),
            (&["application/json;"], true),
            (&["application/json; ;q=0;, text/html"], false),
            (&["application/json;x=\"; ;\";q=0"], false),
            (&["text/html"], false),
            (&["text/*, application/xml"], false),
            (&["application/json;q=0"], false),
            (&["*/*, application/json;q=0.000"], false),
            (&["*/*;q=0, application/json"], true),
            (&["application/*;q=0, */*"], false),
            (&["application/json;q=0", "application/json"], true),
            (&["nonsense, , ;;, application/json"], true),
            (&["nonsense"], false),
            (&["text/html;x=\"a, application/json\""], false),
            (&["text/html;x=\"a, application/json, b\""], false),
            (&["text/html;x=\"\\\", application/json\""], false),
            (&["text/html;x=\"\\\", application/json, b\""], false),
            (&["text/html;x=\"a\", application/json"], true),
            (&["text/html;x=\"ab\", application/json"], true),
            (&["text/html;x=\"\\\\\", application/json"], true),
            (&["application/json;x=\";q=0\""], true),
            (&["application/json ; x=1 ; Q=0.0"], false),
            (&["application/jsonx, xapplication/json, application / json"], false),
        ] {
            assert_eq!(
                accepts_json(values.iter().map(|value| value.as_bytes())),
                expected,
                "{values:?}"
            );
        }
        assert!(!accepts_json([&b"\xff"[..]].into_iter()));
    }
}
