//! The header fields `if-match` and `if-none-match` (RFC 9110, sections 13.1.1 and 13.1.2).

use alloc::string::String;

use crate::rest::IF_NONE_MATCH;
use crate::{entity_tag, headers};

/// Returns the entity tag of a body, for a shell that serves more than the API.
pub fn entity_tag(body: &[u8]) -> String {
    entity_tag::entity_tag(entity_tag::hash(&[body]), body.len())
}

/// Returns whether the client has the body with this entity tag already, by the `if-none-match` of its request,
/// so that the response is 304.
///
/// ```
/// use ccs_modules::rest::{entity_tag, is_unchanged};
///
/// let tag = entity_tag(b"p {}");
/// let list = format!("\"a\", W/{tag}");
/// assert!(is_unchanged(&[("if-none-match", list.as_bytes())], &tag));
/// assert!(!is_unchanged(&[("if-none-match", b"\"a\"")], &tag));
/// ```
pub fn is_unchanged(headers: &[(&str, &[u8])], entity_tag: &str) -> bool {
    headers::values(headers, IF_NONE_MATCH).any(|it| names(it, entity_tag, Comparison::Weak))
}

/// A comparison of entity tags (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Comparison {
    /// A weak tag equals no tag.
    Strong,
    /// A weak tag equals the strong one of the same text.
    Weak,
}

/// Returns whether a field names this strong tag, in a list or as `*`.
pub(super) fn names(field: &[u8], tag: &str, comparison: Comparison) -> bool {
    let mut text = field.trim_ascii();
    if text == b"*" {
        return true;
    }

    // A tag may have commas in it, so the list is read from quote to quote.
    while let Some(open) = text.iter().position(|&byte| byte == b'"') {
        let (before, quoted) = text.split_at_checked(open).unwrap_or_default();
        let Some(length) = quoted.iter().skip(1).position(|&byte| byte == b'"') else {
            return false;
        };
        let (found, after) = quoted.split_at_checked(length + 2).unwrap_or_default();
        let is_weak = before.ends_with(b"W/");
        if found == tag.as_bytes() && !(is_weak && comparison == Comparison::Strong) {
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
    fn if_none_match_is_a_list_of_entity_tags() {
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
            let found = names(field.as_bytes(), "\"a\"", Comparison::Weak);
            assert_eq!(found, expected, "{field}");
        }
        let strong = |field: &str| names(field.as_bytes(), "\"a\"", Comparison::Strong);
        assert!(strong("\"a\"") && strong("W/\"a\", \"a\"") && strong("*"));
        assert!(!strong("W/\"a\"") && !strong("\"b\", W/\"a\""));
    }
}
