//! JSON text in compact form: no white space outside strings, the keys of every object in
//! ascending order of their characters, none twice. The texts of numbers and strings, keys
//! included, are those that were stored.
//!
//! [`read_members`] recognises text that is compact already, which nearly every stored document
//! is. [`rewrite`] reads any other text with serde_json, reports an error in it, and writes its
//! compact form.

mod error;
mod recogniser;
mod rewriter;

use alloc::borrow::Cow;
use core::ops::Range;

pub use crate::json::error::{Position, SyntaxError};
pub(crate) use crate::json::recogniser::read_members;
pub(crate) use crate::json::rewriter::{check_object, elements, rewrite};

/// The deepest nesting that any limit allows: each level takes some of the stack, and time.
pub(crate) const DEEPEST: usize = 64;

/// The value of a member of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Value {
    /// The position of its text.
    pub(crate) range: Range<usize>,
    /// Its kind.
    pub(crate) kind: Kind,
}

impl Value {
    /// The value of a member that an object does not have: a null at no place of the text.
    pub(crate) const NULL: Self = Self { range: 0..0, kind: Kind::Null };
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// An array.
    Array,
    /// True or false.
    Boolean,
    /// Null.
    Null,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A string.
    String,
    /// An array of strings only, or an empty one. [`Kind::of`] does not distinguish it from other arrays.
    Strings,
}

impl Kind {
    /// Returns the kind of a value, from the first character of its text.
    pub(crate) fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Returns the kind with its article, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Array | Kind::Strings => "an array",
            Kind::Boolean => "a boolean",
            Kind::Null => "null",
            Kind::Number => "a number",
            Kind::Object => "an object",
            Kind::String => "a string",
        }
    }
}

/// Returns the text of stored bytes, which must be UTF-8 without a byte order mark.
pub(crate) fn decode(stored: &[u8]) -> Result<&str, SyntaxError> {
    match core::str::from_utf8(stored) {
        Ok(text) if text.starts_with('\u{feff}') => {
            Err(SyntaxError::at(stored, stored, "a byte order mark, expected a value"))
        }
        Ok(text) => Ok(text),
        Err(error) => {
            let (_, rest) = stored.split_at(error.valid_up_to());
            Err(SyntaxError::at(stored, rest, "not UTF-8"))
        }
    }
}

/// Checks that a text has a compact form, nested no deeper than `depth`.
pub(crate) fn check(text: &str, depth: usize) -> Result<(), SyntaxError> {
    if read_members(text, depth, &[], &mut []) {
        return Ok(());
    }
    rewrite(text, depth, &[], &mut []).map(drop)
}

/// Returns the characters of a string, given its text, which has been checked.
pub(crate) fn string(text: &str) -> Cow<'_, str> {
    let characters = characters(text);
    debug_assert!(characters.is_ok(), "not a checked string: {text}");
    characters.unwrap_or_default()
}

/// Returns the characters of a string, given its text. Its syntax has been checked, but not whether
/// its surrogates have their pairs.
pub(crate) fn characters(text: &str) -> serde_json::Result<Cow<'_, str>> {
    if text.contains('\\') {
        return serde_json::from_str(text).map(Cow::Owned);
    }
    // Without escapes, the characters are those between the quotes.
    Ok(Cow::Borrowed(text.get(1..text.len().saturating_sub(1)).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use proptest::prelude::*;
    use serde_json::{Value as Tree, json};

    use super::*;

    /// Objects of plain strings and whole numbers, as in most compact texts. Written by
    /// serde_json they are compact.
    fn object() -> impl Strategy<Value = Tree> {
        let text = "[ a-cé😀]{0,20}";
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|it| json!(it)),
            any::<u32>().prop_map(|it| json!(it)),
            text.prop_map(|it| json!(it)),
        ];
        let value = scalar.prop_recursive(3, 24, 4, move |value| {
            prop_oneof![
                prop::collection::vec(value.clone(), 0..4).prop_map(|it| json!(it)),
                prop::collection::btree_map(text, value, 0..4).prop_map(|it| json!(it)),
            ]
        });
        prop::collection::btree_map("[a-d]{0,2}", value, 0..5).prop_map(|it| json!(it))
    }

    const NAMES: [&str; 3] = ["a", "bb", "c"];
    const ABSENT: [Value; 3] = [const { Value::NULL }; 3];

    #[test]
    fn nesting_ends_at_the_deepest_limit() {
        for (levels, expected) in [(DEEPEST, true), (DEEPEST + 1, false), (400_000, false)] {
            let arrays = ["[".repeat(levels - 1), "]".repeat(levels - 1)].concat();
            let text = std::format!("{{\"a\":{arrays}}}");
            assert_eq!(read_members(&text, usize::MAX, &[], &mut []), expected, "{levels}");
            assert_eq!(rewrite(&text, usize::MAX, &[], &mut []).is_ok(), expected, "{levels}");
        }
    }

    proptest! {
        #[test]
        fn recogniser_and_rewriter_agree_on_compact_text(object in object()) {
            let text = serde_json::to_string(&object).unwrap();
            let (mut recognised, mut rewritten) = (ABSENT, ABSENT);
            prop_assert!(read_members(&text, 5, &NAMES, &mut recognised));
            let compact = rewrite(&text, 5, &NAMES, &mut rewritten);
            prop_assert_eq!(compact.as_ref(), Ok(&text));
            prop_assert_eq!(&recognised, &rewritten);
            for (name, value) in NAMES.iter().zip(recognised) {
                let expected = object.get(name).map(Tree::to_string).unwrap_or_default();
                prop_assert_eq!(&text[value.range], expected);
            }
        }

        #[test]
        fn recognised_text_is_compact(
            object in object(),
            at in any::<prop::sample::Index>(),
            other in prop::sample::select(&[" ", "\"", "\\", ",", ":", "0", "1", "-", ".", "e", "[", "]", "{", "}", "\n", "a", "\u{e9}", ""][..]),
        ) {
            let text = serde_json::to_string(&object).unwrap();
            let mut characters: std::vec::Vec<_> = text.chars().map(String::from).collect();
            let at = at.index(characters.len());
            characters[at] = other.into();
            let text: String = characters.concat();
            let recognised = read_members(&text, 5, &[], &mut []);
            let rewritten = rewrite(&text, 5, &[], &mut []);
            if recognised {
                prop_assert_eq!(rewritten.as_ref(), Ok(&text));
            }
            // The reference knows neither depth nor duplicate keys, which this alphabet can make.
            let tree: Result<Tree, _> = serde_json::from_str(&text);
            match (&rewritten, &tree) {
                (Ok(rewritten), Ok(tree)) => {
                    prop_assert_eq!(&serde_json::from_str::<Tree>(rewritten).unwrap(), tree);
                }
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range")),
                (Err(error), Ok(_)) => {
                    let known = error.reason.contains("stands twice");
                    prop_assert!(known || error.reason.contains("nested deeper"), "{}", error);
                }
                (Err(error), Err(reference)) => {
                    let Position { line, column } = error.position;
                    let twice = error.reason.contains("stands twice");
                    let after = (reference.line(), reference.column() + 1);
                    prop_assert!(twice || (line as usize, column as usize) <= after);
                }
            }
        }
    }
}
