//! Configuration: JSON in which nothing is ignored.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Expected, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::value::RawValue;

pub use crate::error::excerpt;
use crate::json::{self, Kind};

/// Reads a configuration.
///
/// No key may stand twice. A `null` does not make an option absent. An enum is an object whose only
/// member has the name of the variant.
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
    let malformed = |error| Error::new("", error);
    let text = json::decode(text).map_err(malformed)?;
    json::check(text, json::DEEPEST).map_err(malformed)?;

    let root: Node<'_> = serde_json::from_str(text).map_err(not_json)?;
    serde_path_to_error::deserialize(root).map_err(|error| {
        // The path of the whole is a dot.
        let field = excerpt(error.path().to_string().trim_start_matches('.'));
        Error { field, ..error.into_inner() }
    })
}

/// The error for a text that is not the configuration it should be. It never shows a value, which may
/// be a secret, and is on one line whatever the text is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// The path of the field at fault, such as `users[0].roles`; empty for the text as a whole.
    pub field: String,
    /// A description of what was found and what is expected, with the position if the text is not JSON.
    pub reason: String,
}

impl Error {
    /// Makes the error for a field. The reason must not show its value.
    pub fn new(field: impl Into<String>, reason: impl ToString) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
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

// What is found comes here as a value, and only its kind goes on.
impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new("", excerpt(&reason.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let kind = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) => "a string",
            Unexpected::Unit => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "an object",
            _ => "another value",
        };
        Self::new("", format_args!("{kind}, expected {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new("", format!("expected one of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new("", format!("unknown field, expected one of {}", expected.join(", ")))
    }
}

/// Returns the error for a text that serde_json refuses although it has been checked.
fn not_json(_: serde_json::Error) -> Error {
    Error::new("", "not JSON")
}

/// A value, whose syntax has been checked.
#[derive(Deserialize)]
#[serde(transparent)]
struct Node<'a>(#[serde(borrow)] &'a RawValue);

impl<'de> Node<'de> {
    /// Reads the value with serde_json if it is of this kind.
    fn read<T: Deserialize<'de>>(&self, expected: Kind) -> Result<T, Error> {
        let found = Kind::of(self.0.get());
        if found != expected {
            let reason = format!("{}, expected {}", found.name(), expected.name());
            return Err(Error::new("", reason));
        }
        serde_json::from_str(self.0.get()).map_err(not_json)
    }
}

impl<'de> IntoDeserializer<'de, Error> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.0.get();
        match Kind::of(text) {
            Kind::Array | Kind::Strings => self.deserialize_seq(visitor),
            Kind::Boolean => visitor.visit_bool(text == "true"),
            Kind::Null => visitor.visit_unit(),
            Kind::Number => match text.parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_f64(text.parse().unwrap_or(f64::NAN)),
            },
            Kind::Object => self.deserialize_map(visitor),
            Kind::String => visitor.visit_string(json::string(text).into_owned()),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let elements: Vec<Self> = self.read(Kind::Array)?;
        visitor.visit_seq(SeqDeserializer::new(elements.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let members: BTreeMap<String, Self> = self.read(Kind::Object)?;
        visitor.visit_map(MapDeserializer::new(members.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let members: BTreeMap<String, Self> = self.read(Kind::Object)?;
        let known = members.keys().all(|name| variants.contains(&name.as_str()));
        if members.len() != 1 || !known {
            let reason = format!("expected exactly one of the fields {}", variants.join(", "));
            return Err(Error::new("", reason));
        }
        visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(members.into_iter())))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct identifier ignored_any
    }
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
        choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only read")]
    enum Choice {
        Left(bool),
        Right(Option<String>),
    }

    #[test]
    fn an_error_names_the_field_or_the_position_and_no_value() {
        for (text, expected) in [
            ("", "line 1, column 1: unexpected end"),
            ("{\n \"list\": [1,]", "line 2, column 13: unexpected `]`"),
            (r#"{"list":[]} x"#, "line 1, column 13: unexpected `x`"),
            ("\u{feff}{}", "line 1, column 1: a byte order mark, expected a value"),
            (r#""secret""#, "a string, expected an object"),
            ("[[]]", "an array, expected an object"),
            ("{}", "missing field `list`"),
            (
                r#"{"list":[],"list":[]}"#,
                "line 1, column 12: the key \"list\" stands twice in one object",
            ),
            (r#"{"list":[],"lists":1}"#, "lists: unknown field, expected one of list, map, choice"),
            (r#"{"list":"secret, expected secret"}"#, "list: a string, expected an array"),
            (r#"{"list":{"secret":1}}"#, "list: an object, expected an array"),
            (r#"{"list":null}"#, "list: null, expected an array"),
            (r#"{"list":[1,-77]}"#, "list[1]: a number, expected u8"),
            (r#"{"list":[777]}"#, "list[0]: a number, expected u8"),
            (r#"{"list":[7.7]}"#, "list[0]: a number, expected u8"),
            (r#"{"list":[true]}"#, "list[0]: a boolean, expected u8"),
            (r#"{"list":[[]]}"#, "list[0]: an array, expected u8"),
            (r#"{"list":[{}]}"#, "list[0]: an object, expected u8"),
            (r#"{"list":["7"]}"#, "list[0]: a string, expected u8"),
            (r#"{"list":[],"map":{"a":null}}"#, "map.a: null, expected a string"),
            (r#"{"list":[],"map":{"a":[7]}}"#, "map.a: an array, expected a string"),
            (r#"{"list":[],"choice":null}"#, "choice: null, expected an object"),
            (r#"{"list":[],"choice":"left"}"#, "choice: a string, expected an object"),
            (
                r#"{"list":[],"choice":{"secret":1}}"#,
                "choice: expected exactly one of the fields left, right",
            ),
            (
                r#"{"list":[],"choice":{"left":true,"right":"secret"}}"#,
                "choice: expected exactly one of the fields left, right",
            ),
            (
                r#"{"list":[],"choice":{"left":"secret"}}"#,
                "choice.left: a string, expected a boolean",
            ),
            (r#"{"list":[],"choice":{"right":null}}"#, "choice.right: null, expected a string"),
            (r#"{"a\nb":1}"#, "a\u{fffd}b: unknown field, expected one of list, map, choice"),
        ] {
            let error = parse::<Example>(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_name_in_an_error_is_cut_by_its_length_as_written() {
        for name in ["\u{7f}", "\u{85}", "\u{1f600}", "\\u0001"] {
            let text = format!(r#"{{"{}":"x"}}"#, name.repeat(600));
            let error = parse::<Example>(text.as_bytes()).unwrap_err();
            assert!(error.field.len() <= 512, "{}", error.field.len());
            assert_eq!(error.reason, "unknown field, expected one of list, map, choice");
        }
    }

    #[test]
    fn a_configuration_nested_without_end_is_refused() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        let error = parse::<Example>(text.as_bytes()).unwrap_err();
        assert_eq!(error.reason, "line 1, column 65: nested deeper than the limit of 64");
    }
}
