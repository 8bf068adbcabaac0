//! Configuration: JSON in which nothing is ignored.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::error::excerpt;

/// Reads a configuration.
///
/// ```
/// use ccs_modules::config;
///
/// #[derive(Debug, serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Upstream {
///     timeout_ms: u32,
/// }
///
/// let upstream: Upstream = config::parse(br#"{"timeout_ms":1000}"#)?;
/// assert_eq!(upstream.timeout_ms, 1000);
/// let error = config::parse::<Upstream>(br#"{"timeout_ms":"a secret"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "timeout_ms: a string, expected u32");
/// # Ok::<(), config::Error>(())
/// ```
///
/// # Errors
///
/// If the text is not JSON, or not such a configuration: see [`Error`].
pub fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    // From bytes, serde_json would be compiled once more: the core reads documents as text.
    let text = core::str::from_utf8(text).map_err(|error| Error {
        field: String::new(),
        reason: format!("not UTF-8 from byte {} on", error.valid_up_to()),
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let configuration = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Error::from_json(error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| Error::from_json(String::new(), &error))?;
    Ok(configuration)
}

/// The error for a text that is not the configuration it should be. It never shows a value, which may
/// be a secret, and is on one line whatever the text is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// The path of the field at fault, such as `users[0].roles`; empty for the text as a whole.
    pub field: String,
    /// A text that says what was found and what is expected, with line and column where it is not JSON.
    pub reason: String,
}

impl Error {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    fn from_json(path: String, error: &serde_json::Error) -> Self {
        // A syntax error is said by its position. A path would name the last field that was sound.
        if error.classify() != Category::Data {
            return Self { field: String::new(), reason: error.to_string() };
        }
        let position = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let reason = without_value(text.strip_suffix(&position).unwrap_or(&text));
        let field = if path == "." { String::new() } else { excerpt(&path) };
        Self { field, reason: excerpt(&reason) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "{field}: {}", self.reason),
        }
    }
}

impl core::error::Error for Error {}

/// A value that is read from an object alone: a derived `Deserialize` takes an array for its fields in
/// order as well.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Reads a field that may be absent but not null: `default, deserialize_with = "config::present"`.
///
/// # Errors
///
/// The value is not a `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

/// Reads an integer from 1 up, for a field of a configuration: `deserialize_with = "config::one_or_more"`.
///
/// # Errors
///
/// The value is anything else.
pub fn one_or_more<'de, N: TryFrom<u64>, D: Deserializer<'de>>(json: D) -> Result<N, D::Error> {
    let number = NonZeroU64::deserialize(json).ok();
    number
        .and_then(|number| N::try_from(number.get()).ok())
        .ok_or_else(|| D::Error::custom("expected an integer from 1 up"))
}

/// Reads a limit of nesting, from 1 to 64: each level takes some of the stack, and time.
///
/// # Errors
///
/// The value is anything else.
pub fn depth<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    const DEEPEST: usize = 64;
    match one_or_more(json)? {
        depth if depth > DEEPEST => {
            Err(D::Error::custom(format_args!("expected at most {DEEPEST}")))
        }
        depth => Ok(depth),
    }
}

/// Takes the value out of a reason of serde's: ``invalid type: string "secret", expected a map``
/// becomes `a string, expected a map`. Every other reason has none.
fn without_value(reason: &str) -> String {
    let invalid = ["invalid type: ", "invalid value: ", "unknown variant "];
    let found = invalid.iter().find_map(|prefix| reason.strip_prefix(prefix));
    let Some((found, expected)) = found.and_then(|found| found.rsplit_once(", expected ")) else {
        return reason.to_string();
    };
    let kind = match found.split([' ', '`', '"']).next().unwrap_or_default() {
        "boolean" => "a boolean",
        "integer" | "floating" | "number" => "a number",
        "map" => "an object",
        "null" => "null",
        "sequence" => "an array",
        "string" | "character" => "a string",
        _ => "another value",
    };
    let expected = match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        other => other,
    };
    format!("{kind}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Example {
        list: Vec<u8>,
        #[serde(default)]
        map: BTreeMap<String, String>,
        #[serde(default)]
        choice: Choice,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        #[default]
        Left,
        Right,
    }

    #[test]
    fn an_error_names_the_field_or_the_position_and_no_value() {
        for (text, expected) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{\n \"list\": [1,]", "trailing comma at line 2 column 13"),
            (r#"{"list":[]} x"#, "trailing characters at line 1 column 13"),
            (r#""secret""#, "a string, expected an object"),
            ("[[]]", "an array, expected an object"),
            ("{}", "missing field `list`"),
            (r#"{"list":[],"list":[]}"#, "duplicate field `list`"),
            (
                r#"{"list":[],"lists":1}"#,
                "lists: unknown field `lists`, expected one of `list`, `map`, `choice`",
            ),
            (r#"{"list":"secret, expected secret"}"#, "list: a string, expected an array"),
            (r#"{"list":{"secret":1}}"#, "list: an object, expected an array"),
            (r#"{"list":[1,-77]}"#, "list[1]: a number, expected u8"),
            (r#"{"list":[7.7]}"#, "list[0]: a number, expected u8"),
            (r#"{"list":[true]}"#, "list[0]: a boolean, expected u8"),
            (r#"{"list":[],"map":{"a":null}}"#, "map.a: null, expected a string"),
            (
                r#"{"list":[],"choice":"secret"}"#,
                "choice: another value, expected `left` or `right`",
            ),
            (r#"{"list":[],"map":{"a":[7]}}"#, "map.a: an array, expected a string"),
            (
                r#"{"a\nb":1}"#,
                "a\u{fffd}b: unknown field `a\u{fffd}b`, expected one of `list`, `map`, `choice`",
            ),
        ] {
            assert_eq!(
                parse::<Object<Example>>(text.as_bytes()).unwrap_err().to_string(),
                expected
            );
        }
    }
}
