//! The header field `if-none-match` (RFC 9110, section 13.1.2).

/// Tells whether an `if-none-match` field names this tag: weakly compared, in a list, or as `*`.
pub(super) fn names(field: &[u8], tag: &str) -> bool {
    let mut text = field.trim_ascii();
    if text == b"*" {
        return true;
    }
    // A tag may hold commas, so the list is read from quote to quote.
    while let Some(open) = text.iter().position(|&byte| byte == b'"') {
        let quoted = text.get(open..).unwrap_or_default();
        let Some(length) = quoted.iter().skip(1).position(|&byte| byte == b'"') else {
            return false;
        };
        let (found, after) = quoted.split_at_checked(length + 2).unwrap_or_default();
        if found == tag.as_bytes() {
            return true;
        }
        text = after;
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
}
