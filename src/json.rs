//! JSON text in canonical form: no white space outside strings, the keys of every object in
//! ascending order of their characters, none twice. The texts of numbers and strings, keys
//! included, are those that were stored.
//!
//! [`read_members`] recognises text that is canonical already, which nearly every stored document
//! is. [`rewrite`] reads any other text with serde_json, says what is wrong with it, and writes its
//! canonical form.

mod error;
mod name;
mod recogniser;
mod rewriter;

use alloc::borrow::Cow;
use core::ops::Range;

use serde::Deserialize;

pub use crate::json::error::SyntaxError;
pub(crate) use crate::json::name::Name;
pub(crate) use crate::json::recogniser::read_members;
pub(crate) use crate::json::rewriter::{elements, members, rewrite};

/// The value of a member of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Value {
    /// The position of its text.
    pub(crate) range: Range<usize>,
    /// Its kind.
    pub(crate) kind: Kind,
}

impl Value {
    /// A null that stands nowhere: the value of a member that an object does not have.
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
    /// An array that holds only strings, perhaps none. [`Kind::of`] does not tell it from others.
    Strings,
}

impl Kind {
    /// Returns the kind of a value, given its text: it shows in the first character.
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

/// The characters of a string. They are borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Characters<'a>(#[serde(borrow)] Cow<'a, str>);

/// Returns the text of stored bytes, which must be UTF-8 without a byte order mark.
pub(crate) fn decode(stored: &[u8]) -> Result<&str, SyntaxError> {
    match core::str::from_utf8(stored) {
        Ok(text) if text.starts_with('\u{feff}') => {
            Err(SyntaxError::at(stored, 0, "a byte order mark, expected a value"))
        }
        Ok(text) => Ok(text),
        Err(error) => Err(SyntaxError::at(stored, error.valid_up_to(), "not UTF-8")),
    }
}

/// Checks that an object has a canonical form, nested no deeper than `depth`.
pub(crate) fn check(object: &str, depth: usize) -> Result<(), SyntaxError> {
    if read_members(object, depth, &[], &mut []) {
        return Ok(());
    }
    rewrite(object, depth, &[], &mut []).map(drop)
}

/// Returns the position of `part`, a part of `text`.
pub(crate) fn offset(text: &[u8], part: &[u8]) -> usize {
    part.first().and_then(|first| text.element_offset(first)).unwrap_or(text.len())
}

/// Returns the characters of a string, given its text, which has been checked.
pub(crate) fn string(text: &str) -> Cow<'_, str> {
    let checked = serde_json::from_str(text);
    debug_assert!(checked.is_ok(), "not a checked string: {text}");
    checked.map(|Characters(characters)| characters).unwrap_or_default()
}
