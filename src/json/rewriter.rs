//! Reads any JSON text with serde_json, a level at a time, and writes its compact form.
//!
//! Each level is read as members or elements that keep their texts, so a text is read once for each
//! level of its nesting: [`Limits::depth`](crate::Limits::depth) bounds what that takes.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, iter};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::excerpt;
use crate::json::{DEEPEST, Kind, SyntaxError, Value, characters};

/// Returns the compact form of `text`, which must be one value, nested no deeper than `depth`
/// and [`DEEPEST`].
///
/// If it is an object, the values of the members with these names, which ascend, are noted in
/// `values`, as [`read_members`](crate::json::read_members) notes them.
///
/// # Errors
///
/// If the text is not JSON, is nested too deeply, has a key twice in one object, or half of a
/// surrogate pair in a string.
pub(crate) fn rewrite(
    text: &str,
    depth: usize,
    names: &[&str],
    values: &mut [Value],
) -> Result<String, SyntaxError> {
    let depth = depth.min(DEEPEST);
    let out = String::with_capacity(text.len());
    let mut rewriter = Rewriter { text, depth, names, values, out };
    let value = text.trim_matches(WHITE_SPACE);
    // An object or an array is checked when its parts are read.
    if !value.starts_with(['{', '[']) {
        let _: &RawValue = rewriter.read(value)?;
    }
    rewriter.value(value, depth)?;
    Ok(rewriter.out)
}

/// Returns the texts of the elements of an array, whatever is in them.
///
/// # Errors
///
/// If the text is not JSON or not an array.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, SyntaxError> {
    let elements: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
    match elements {
        Ok(elements) => Ok(elements.into_iter().map(RawValue::get).collect()),
        Err(error) if error.is_data() => {
            let value = text.trim_start_matches(WHITE_SPACE);
            Err(SyntaxError::at(text.as_bytes(), value.as_bytes(), "expected an array"))
        }
        Err(error) => Err(SyntaxError::found(text, &error)),
    }
}

/// Checks that a text is an object, whatever is in it.
///
/// # Errors
///
/// If the text is not JSON or not an object.
pub(crate) fn check_object(text: &str) -> Result<(), SyntaxError> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| SyntaxError::found(text, &error))?;
    match Kind::of(value.get()) {
        Kind::Object => Ok(()),
        _ => Err(SyntaxError::at(text.as_bytes(), value.get().as_bytes(), "expected an object")),
    }
}

const WHITE_SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// Writes the compact form of a text.
struct Rewriter<'a, 'n> {
    text: &'a str,
    /// The nesting limit.
    depth: usize,
    /// The names of the members to note, if the text is an object, and their values.
    names: &'n [&'n str],
    values: &'n mut [Value],
    out: String,
}

impl<'a> Rewriter<'a, '_> {
    /// Writes a value, a part of the text, which may be nested this much deeper. If it is a scalar,
    /// its syntax has been checked.
    fn value(&mut self, value: &'a str, depth: usize) -> Result<Kind, SyntaxError> {
        let kind = Kind::of(value);
        if let Kind::Array | Kind::Object = kind {
            let Some(depth) = depth.checked_sub(1) else {
                let reason = format!("nested deeper than the limit of {}", self.depth);
                return Err(self.error_at(value, reason));
            };
            return match kind {
                Kind::Array => self.array(value, depth),
                _ => self.object(value, depth),
            };
        }
        if kind == Kind::String {
            self.characters(value)?;
        }
        self.out.push_str(value);
        Ok(kind)
    }

    fn object(&mut self, object: &'a str, depth: usize) -> Result<Kind, SyntaxError> {
        let mut members = BTreeMap::new();
        let Members(found) = self.read(object)?;
        for (key, value) in found {
            match members.entry(self.characters(key.get())?) {
                Entry::Vacant(entry) => _ = entry.insert((key, value)),
                Entry::Occupied(entry) => {
                    let name = excerpt(entry.key());
                    let reason = format!("the key \"{name}\" stands twice in one object");
                    return Err(self.error_at(key.get(), reason));
                }
            }
        }

        self.out.push('{');
        for (index, (name, (key, value))) in members.into_iter().enumerate() {
            self.out.push_str(if index > 0 { "," } else { "" });
            self.out.push_str(key.get());
            self.out.push(':');
            let start = self.out.len();
            let kind = self.value(value.get(), depth)?;
            if depth + 1 == self.depth
                && let Ok(index) = self.names.binary_search(&name.as_ref())
                && let Some(noted) = self.values.get_mut(index)
            {
                *noted = Value { range: start..self.out.len(), kind };
            }
        }
        self.out.push('}');
        Ok(Kind::Object)
    }

    fn array(&mut self, array: &'a str, depth: usize) -> Result<Kind, SyntaxError> {
        let elements: Vec<&RawValue> = self.read(array)?;
        let mut kind = Kind::Strings;
        self.out.push('[');
        for (index, element) in elements.into_iter().enumerate() {
            self.out.push_str(if index > 0 { "," } else { "" });
            if self.value(element.get(), depth)? != Kind::String {
                kind = Kind::Array;
            }
        }
        self.out.push(']');
        Ok(kind)
    }

    /// Reads a part of the text.
    fn read<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, SyntaxError> {
        serde_json::from_str(part).map_err(|error| {
            SyntaxError::found(part, &error).moved(self.text.as_bytes(), part.as_bytes())
        })
    }

    /// Returns the characters of a string, a part of the text. serde_json checks surrogates only here.
    fn characters(&self, string: &'a str) -> Result<Cow<'a, str>, SyntaxError> {
        characters(string).map_err(|_| self.error_at(string, "a string with half a surrogate pair"))
    }

    #[cold]
    fn error_at(&self, part: &str, reason: impl Into<Cow<'static, str>>) -> SyntaxError {
        SyntaxError::at(self.text.as_bytes(), part.as_bytes(), reason)
    }
}

/// The members of an object in the order in which they stand, with the texts of their keys.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                iter::from_fn(|| map.next_entry().transpose())
                    .collect::<Result<_, _>>()
                    .map(Members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn rewritten(text: &str) -> Result<String, String> {
        rewrite(text, 5, &[], &mut []).map_err(|error| error.to_string())
    }

    #[test]
    fn text_is_rewritten_and_keeps_its_tokens() {
        for (text, expected) in [
            ("null", "null"),
            (" -0.10e+5 ", "-0.10e+5"),
            (r#" "\u00e9" "#, r#""\u00e9""#),
            (" { } ", "{}"),
            ("[ 1 ,\t2.50 ]\r\n", "[1,2.50]"),
            ("[ true, false, null]", "[true,false,null]"),
            (r#"["\\\"\/\b\u00e9\ud83d\ude00", "é😀"]"#, r#"["\\\"\/\b\u00e9\ud83d\ude00","é😀"]"#),
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
            assert_eq!(rewritten(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn members_are_noted_by_name() {
        let text = r#"{"e": ["x",1], "d": [ "x" ], "\u0062": "x", "c": {"b":1}}"#;
        let names = ["b", "bb", "d", "e", "f"];
        let mut values = [const { Value::NULL }; 5];
        let out = rewrite(text, 2, &names, &mut values).unwrap();
        let noted = values.map(|value| (&out[value.range], value.kind));
        assert_eq!(
            noted,
            [
                (r#""x""#, Kind::String),
                ("", Kind::Null),
                (r#"["x"]"#, Kind::Strings),
                (r#"["x",1]"#, Kind::Array),
                ("", Kind::Null),
            ]
        );
    }

    #[test]
    fn syntax_errors_have_a_position_and_a_reason() {
        for (text, expected) in [
            ("", "line 1, column 1: unexpected end"),
            ("x", "line 1, column 1: unexpected `x`"),
            ("\u{feff}{}", "line 1, column 1: unexpected `\u{feff}`"),
            ("{} x", "line 1, column 4: unexpected `x`"),
            ("{a:1}", "line 1, column 2: unexpected `a`"),
            (r#"{"a" 1}"#, "line 1, column 6: unexpected `1`"),
            ("{\"a\":1\n\"b\":2}", "line 2, column 1: unexpected `\"`"),
            (r#"{"a":1,}"#, "line 1, column 8: unexpected `}`"),
            (r#"{"a":1"#, "line 1, column 6: unexpected end"),
            ("[1 2]", "line 1, column 4: unexpected `2`"),
            ("[1,]", "line 1, column 4: unexpected `]`"),
            ("[tru]", "line 1, column 5: unexpected `]`"),
            ("01", "line 1, column 2: unexpected `1`"),
            ("-", "line 1, column 1: unexpected `-`"),
            ("[1.]", "line 1, column 4: unexpected `]`"),
            ("NaN", "line 1, column 1: unexpected `N`"),
            ("// a\n1", "line 1, column 1: unexpected `/`"),
            ("[[[[[[]]]]]]", "line 1, column 6: nested deeper than the limit of 5"),
            ("{\n\"a\":[[[[[]]]]]}", "line 2, column 9: nested deeper than the limit of 5"),
            (r#""a"#, "line 1, column 2: unexpected end"),
            ("\"a\nb\"", "line 1, column 3: unexpected control character"),
            ("{\n\"é\u{0}\":1}", "line 2, column 4: unexpected control character"),
            ("[\n\u{0}]", "line 2, column 1: unexpected control character"),
            (r#"["\é"]"#, "line 1, column 4: unexpected `é`"),
            (r#"["\u12g4"]"#, "line 1, column 8: unexpected `4`"),
            (r#"{"a":["\ud800x"]}"#, "line 1, column 7: a string with half a surrogate pair"),
            (r#"{"a":[{"\udc00":1}]}"#, "line 1, column 8: a string with half a surrogate pair"),
            ("[\n\"\\ud800\"]", "line 2, column 1: a string with half a surrogate pair"),
            (r#"{"a":1,"a":2}"#, "line 1, column 8: the key \"a\" stands twice in one object"),
            (r#"{"a":1,"\u0061":2}"#, "line 1, column 8: the key \"a\" stands twice in one object"),
            (
                "{\"b\":1,\"a\":1,\n \"\\u0062\":2}",
                "line 2, column 2: the key \"b\" stands twice in one object",
            ),
            (
                r#"[{"a":{"y":1,"x":1,"y":2}}]"#,
                "line 1, column 20: the key \"y\" stands twice in one object",
            ),
        ] {
            assert_eq!(rewritten(text), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn elements_splits_an_array_and_keeps_each_text() {
        assert_eq!(elements("[]"), Ok(alloc::vec![]));
        assert_eq!(
            elements(" [ {} ,\"\\ud800\", [[1 ]]] "),
            Ok(alloc::vec!["{}", "\"\\ud800\"", "[[1 ]]"])
        );
        let error = |text| elements(text).unwrap_err().to_string();
        assert_eq!(error("\n {}"), "line 2, column 2: expected an array");
        assert_eq!(error("\n [x]"), "line 2, column 3: unexpected `x`");
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
            assert_eq!(Kind::of(text).name(), name);
        }
    }
}
