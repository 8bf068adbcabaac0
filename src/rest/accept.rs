//! The `accept` header (RFC 9110, section 12.5.1).

/// Whether `application/json` is acceptable: the most specific range that covers it decides, and
/// refuses it with a weight of 0. No header at all accepts everything; a range that cannot be read
/// covers nothing.
pub(super) fn json<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut any, mut best) = (false, None);
    for value in values {
        any = true;
        for range in split(value, b',') {
            let mut parts = split(range, b';');
            let Some(specificity) = parts.next().and_then(specificity) else { continue };
            // Of two equally specific ranges the kinder one counts.
            best = best.max(Some((specificity, !parts.any(is_zero_weight))));
        }
    }
    !any || best.is_some_and(|(_, accepted)| accepted)
}

/// How closely a range covers `application/json`, if it does. Parameters do not matter: JSON has
/// none that would select another representation.
fn specificity(range: &[u8]) -> Option<usize> {
    let ranges: [&[u8]; 3] = [b"*/*", b"application/*", b"application/json"];
    ranges.iter().position(|covers| covers.eq_ignore_ascii_case(range))
}

/// Whether a parameter is a weight of 0 (`q=0`, `q=0.`, `q=0.000`).
fn is_zero_weight(parameter: &[u8]) -> bool {
    match parameter {
        [b'q' | b'Q', b'=', b'0', rest @ ..] => rest.iter().all(|byte| matches!(byte, b'0' | b'.')),
        _ => false,
    }
}

/// The parts between separators, without the space around them. A separator in a quoted string is
/// none (RFC 9110, section 5.6.4).
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let separates = move |&byte: &u8| {
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && !escaped && byte == b'\\';
        byte == separator && !quoted
    };
    text.split(separates).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (values, expected) in [
            (&[][..], true),
            (&["*/*"], true),
            (&["application/*"], true),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["text/html, application/json;q=0.1"], true),
            (&["text/html", "*/*;q=0.001"], true),
            (&[""], false),
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
            assert_eq!(json(values.iter().map(|value| value.as_bytes())), expected, "{values:?}");
        }
        assert!(!json([&b"\xff"[..]].into_iter()));
    }
}
