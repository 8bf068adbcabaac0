//! JSON text that stays as it was written.
//!
//! A document is passed on, not interpreted: the texts of its numbers and strings must come out as
//! they went in. So this reads JSON (RFC 8259) as text, without converting anything, in one of two
//! ways: [`read_members`] and its like read canonical text, fast; [`rewrite`] reads any other, tells
//! what is wrong with it, and makes it canonical.
//!
//! **Canonical** is: no white space outside strings, the keys of every object in ascending order of
//! their characters, none twice. Numbers and strings, keys included, keep their texts.
//!
//! ```
//! use ccs_modules_json::canonical;
//!
//! let canonical = canonical(br#"{"b": 1e2, "a": "\u00e9"}"#, 8)?;
//! assert_eq!(*canonical, *br#"{"a":"\u00e9","b":1e2}"#);
//! # Ok::<(), ccs_modules_json::SyntaxError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod canonical;
mod error;
mod name;
mod plain;
mod plain_prefix;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

pub use crate::canonical::{Member, Value, elements, is_canonical, members, read_members};
pub use crate::error::{SyntaxError, decimal, excerpt};
pub use crate::name::{Name, sort_distinct};
pub use crate::plain::{find_member, rewrite};

/// The canonical form of `text`, which must be one value, nested no deeper than `depth`: borrowed
/// where it is canonical already.
///
/// # Errors
///
/// Where the text is not JSON, is nested too deeply, or has a key twice in one object.
pub fn canonical(text: &[u8], depth: usize) -> Result<Cow<'_, [u8]>, SyntaxError> {
    if is_canonical(text, depth) {
        return Ok(Cow::Borrowed(text));
    }
    rewrite(text, depth).map(Cow::Owned)
}

/// The characters of a string, given its sound text with the quotes.
pub fn string(text: &[u8]) -> Cow<'_, str> {
    characters(text.get(1..text.len().saturating_sub(1)).unwrap_or_default())
}

/// The characters of a string, given the sound text between its quotes.
fn characters(inner: &[u8]) -> Cow<'_, str> {
    let Ok(inner) = core::str::from_utf8(inner) else {
        debug_assert!(false, "not a checked string");
        return Cow::Borrowed("");
    };
    let escapes = inner.bytes().any(|byte| byte == b'\\');
    if escapes { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
}

/// Appends the JSON text of a string to `out`.
pub fn write_string(out: &mut Vec<u8>, string: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in string.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => {
                out.extend(b"\\u00");
                out.extend([byte >> 4, byte & 0xf].iter().filter_map(|&n| HEX.get(usize::from(n))));
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// What kind of value a checked text holds, in words.
pub fn kind(text: &[u8]) -> Kind {
    match text.first() {
        Some(b'"') => Kind::String,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
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
    /// An array that holds nothing but strings, so perhaps nothing. Only [`read_members`] tells it
    /// apart.
    Strings,
}

impl Kind {
    /// The kind with its article, for messages.
    pub fn name(self) -> &'static str {
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

/// Resolves the escapes of a checked string.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(backslash) = rest.bytes().position(|byte| byte == b'\\') {
        out.push_str(rest.get(..backslash).unwrap_or_default());
        let escape = rest.get(backslash..).unwrap_or_default();
        let (escaped, length) = escaped(escape.as_bytes());
        out.push(escaped);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The character of the escape that a text begins with, and how long the escape is.
fn escaped(text: &[u8]) -> (char, usize) {
    let short = match text.get(1).copied().unwrap_or_default() {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(text),
        itself => char::from(itself),
    };
    (short, 2)
}

/// The same of `\u` with its digits.
fn code_point(text: &[u8]) -> (char, usize) {
    let (unit, length) = match code_unit(text, 2) {
        // The two halves of a pair hold ten bits each.
        high @ 0xd800..0xdc00 => {
            (0x10000 + (high & 0x3ff) * 0x400 + (code_unit(text, 8) & 0x3ff), 12)
        }
        unit => (unit, 6),
    };
    (char::from_u32(unit).unwrap_or_default(), length)
}

fn code_unit(text: &[u8], start: usize) -> u32 {
    let digits =
        text.iter().skip(start).take(4).filter_map(|&digit| char::from(digit).to_digit(16));
    digits.fold(0, |unit, digit| unit * 16 + digit)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn reason(text: &[u8]) -> String {
        canonical(text, 4).unwrap_err().to_string()
    }

    #[test]
    fn canonical_text_is_borrowed() {
        for text in [
            "null",
            "true",
            "-0.10e+5",
            r#""""#,
            r#"{"":1,"a":{"b":[]},"aa":[1,"x",{}]}"#,
            r#"["\\\"\/\b\u00e9\ud83d\ude00","é😀"]"#,
        ] {
            let canonical = canonical(text.as_bytes(), 4).unwrap();
            assert!(matches!(canonical, Cow::Borrowed(same) if same == text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_text_is_rewritten_and_keeps_its_tokens() {
        for (text, expected) in [
            (" { } ", "{}"),
            ("[ 1 ,\t2.50 ]\r\n", "[1,2.50]"),
            ("[ true, false, null]", "[true,false,null]"),
            (r#"{"b":1e2,"a":"\u0041"}"#, r#"{"a":"\u0041","b":1e2}"#),
            (
                r#"[{"z":{"y":[0, {"b":1,"a":2}],"x":0}}]"#,
                r#"[{"z":{"x":0,"y":[0,{"a":2,"b":1}]}}]"#,
            ),
            // An escaped key stands where its characters do.
            (r#"{"b":1,"\u0061":2}"#, r#"{"\u0061":2,"b":1}"#),
            (r#"{"a\u0000":1,"a":2}"#, r#"{"a":2,"a\u0000":1}"#),
            // Characters are ordered by code point, not by UTF-16 code unit.
            ("{\"\u{1f600}\":1,\"\u{ffff}\":2}", "{\"\u{ffff}\":2,\"\u{1f600}\":1}"),
        ] {
            let rewritten = canonical(text.as_bytes(), 5).unwrap();
            assert_eq!(core::str::from_utf8(&rewritten).unwrap(), expected);
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, expected) in [
            ("", "byte 0: the text ends, expected a value"),
            ("\u{feff}{}", "byte 0: a byte order mark, expected a JSON value"),
            ("{} x", "byte 3: more after the end of the JSON value"),
            ("{a:1}", "byte 1: expected a key in double quotes"),
            (r#"{"a" 1}"#, "byte 5: expected a colon"),
            (r#"{"a":1 "b":2}"#, "byte 7: expected a comma or a closing brace"),
            (r#"{"a":1,}"#, "byte 7: expected a key in double quotes"),
            (r#"{"a":1"#, "byte 6: the text ends, expected a comma or a closing brace"),
            ("[1 2]", "byte 3: expected a comma or a closing bracket"),
            ("[1,]", "byte 3: expected a value"),
            ("[tru]", "byte 1: expected a value"),
            ("01", "byte 1: more after the end of the JSON value"),
            ("-", "byte 1: the text ends, expected a digit"),
            ("1.", "byte 2: the text ends, expected a digit"),
            ("1e+", "byte 3: the text ends, expected a digit"),
            ("[[[[[]]]]]", "byte 4: nested too deeply"),
            (r#""a"#, "byte 2: the text ends inside a string"),
            ("\"a\nb\"", "byte 2: a control character in a string"),
            (r#""\x""#, "byte 1: an unknown escape in a string"),
            (r#""\u12g4""#, "byte 1: expected four hexadecimal digits after \\u"),
            (r#""\ud800x""#, "byte 1: half of a surrogate pair"),
            (r#""\udc00""#, "byte 1: half of a surrogate pair"),
            (r#"{"a":1,"a":2}"#, r#"byte 7: the key "a" stands twice in one object"#),
            (r#"{"a":1,"\u0061":2}"#, r#"byte 7: the key "a" stands twice in one object"#),
            (r#"{"b":1,"a":1,"\u0062":2}"#, r#"byte 13: the key "b" stands twice in one object"#),
            (
                r#"[{"a":{"y":1,"x":1,"y":2}}]"#,
                r#"byte 19: the key "y" stands twice in one object"#,
            ),
        ] {
            assert_eq!(reason(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(reason(b"\"ok \xff\""), "byte 4: not UTF-8");
    }

    #[test]
    fn a_string_is_written_as_it_is_read() {
        for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}", "é\u{1f600}"] {
            let mut json = Vec::new();
            write_string(&mut json, text);
            assert!(is_canonical(&json, 1));
            assert_eq!(string(&json), text);
        }
        let escapes = br#""\ud83d\ude00\u0041\b\f\n\r\t\/\"\\""#;
        assert_eq!(string(escapes), "\u{1f600}A\u{8}\u{c}\n\r\t/\"\\");
        let mut json = Vec::new();
        write_string(&mut json, "\n\r\t\u{1}");
        assert_eq!(json, br#""\n\r\t\u0001""#);
    }

    #[test]
    fn a_member_is_found_in_sound_text_alone() {
        for (text, expected) in [
            (r#"{"a":1}"#, Some("1")),
            (r#" { "b" : 2 , "\u0061" : [ 1 ] } "#, Some("[ 1 ]")),
            (r#"{"a":1,"b":2,"b":3}"#, Some("1")),
            (r#"{"a":1,"a":1}"#, None),
            (r#"{"b":1}"#, None),
            (r#"["a",1]"#, None),
            (r#"{"a":1} {}"#, None),
            (r#"{"a":1"#, None),
            (r#"{"a":[[]]}"#, None),
        ] {
            assert_eq!(find_member(text.as_bytes(), "a", 2), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn kinds_have_names() {
        for (text, name) in [
            ("[]", "an array"),
            ("true", "a boolean"),
            ("false", "a boolean"),
            ("null", "null"),
            ("-1", "a number"),
            ("{}", "an object"),
            ("\"\"", "a string"),
        ] {
            assert_eq!(kind(text.as_bytes()).name(), name);
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for (number, digits) in [(0, "0"), (9, "9"), (10, "10"), (4_294_967_295, "4294967295")] {
            assert_eq!(decimal(number), digits);
        }
    }
}
