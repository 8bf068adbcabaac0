//! Entity tags and `if-none-match` (RFC 9110, sections 8.8.3 and 13.1.2).

use alloc::string::String;

use twox_hash::XxHash64;

/// The strong entity tag of a body: its hash and its length. The hash tells versions of one list
/// apart; it is no defence against somebody who can write the list.
pub(super) fn entity_tag(body: &[u8]) -> String {
    let mut tag = String::from('"');
    push_hex(&mut tag, XxHash64::oneshot(0, body), 16);
    tag.push('-');
    let length = body.len() as u64;
    push_hex(&mut tag, length, (u64::BITS - length.leading_zeros()).div_ceil(4));
    tag.push('"');
    tag
}

/// Appends the last hexadecimal digits of a number.
fn push_hex(out: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number >> (4 * place)) as u32 & 0xf;
        out.push(char::from_digit(digit, 16).unwrap_or_default());
    }
}

/// Whether an `if-none-match` field names this tag: weakly compared, in a list, or as `*`.
pub(super) fn names(field: &[u8], tag: &str) -> bool {
    let mut rest = field.trim_ascii();
    if rest == b"*" {
        return true;
    }
    // A tag may hold commas, so the list is read from quote to quote.
    while let Some(open) = rest.iter().position(|&byte| byte == b'"') {
        let quoted = rest.get(open..).unwrap_or_default();
        let Some(length) = quoted.iter().skip(1).position(|&byte| byte == b'"') else {
            return false;
        };
        let (found, after) = quoted.split_at_checked(length + 2).unwrap_or_default();
        if found == tag.as_bytes() {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list() {
        for (field, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            (" * ", true),
            ("\"b\", W/\"c\" , \"a\"", true),
            ("\"x,y\",\"a\"", true),
            ("", false),
            ("a", false),
            ("\"a", false),
            ("\"b\"", false),
            ("\"A\"", false),
            ("\"*\"", false),
            ("\"x\"a\"", false),
        ] {
            assert_eq!(names(field.as_bytes(), "\"a\""), expected, "{field}");
        }
    }

    #[test]
    fn a_tag_tells_bodies_apart() {
        assert_eq!(entity_tag(b"[]\n"), "\"2c455418182f45b0-3\"");
        assert_ne!(entity_tag(b"[1]\n"), entity_tag(b"[2]\n"));
        assert!(entity_tag(&[b'a'; 300]).ends_with("-12c\""));
    }
}
