//! The `accept` header (RFC 9110, section 12.5.1).

use mediatype::names::{_STAR, APPLICATION, JSON, Q};
use mediatype::{MediaType, MediaTypeList, ReadParams as _};

/// Whether `application/json` is acceptable: the most specific range that covers it decides, and
/// refuses it with a weight of 0. No header at all accepts everything; a range that cannot be read
/// covers nothing.
pub(super) fn json<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut any, mut best) = (false, None);
    for value in values {
        any = true;
        let value = core::str::from_utf8(value).unwrap_or_default();
        for range in MediaTypeList::new(value).flatten() {
            let Some(specificity) = specificity(&range) else { continue };
            // Of two equally specific ranges the kinder one counts.
            best = best.max(Some((specificity, !is_refused(&range))));
        }
    }
    !any || best.is_some_and(|(_, accepted)| accepted)
}

/// How closely a range covers `application/json`, if it does. Parameters do not matter: JSON has
/// none that would select another representation.
fn specificity(range: &MediaType<'_>) -> Option<u8> {
    let json = [(_STAR, _STAR), (APPLICATION, _STAR), (APPLICATION, JSON)];
    let range = (range.ty, range.subty);
    (0..).zip(json).find(|(_, covers)| *covers == range).map(|(specificity, _)| specificity)
}

/// Whether the weight is 0 (`0`, `0.`, `0.000`).
fn is_refused(range: &MediaType<'_>) -> bool {
    range.get_param(Q).is_some_and(|weight| {
        let weight = weight.as_str();
        weight.starts_with('0') && weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    })
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
        ] {
            assert_eq!(json(values.iter().map(|value| value.as_bytes())), expected, "{values:?}");
        }
        assert!(!json([&b"\xff"[..]].into_iter()));
    }
}
