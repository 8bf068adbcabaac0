//! A reference for JSON that keeps its texts. serde_json reads it, one level at a time.

use std::borrow::Cow;
use std::fmt;

use arbitrary::{Result, Unstructured};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value with the texts of its numbers, strings and keys.
#[derive(Clone, Debug)]
pub enum Json {
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
    Scalar(String),
}

impl Json {
    /// Reads a text; `None` if it is not JSON or nested deeper than `depth`.
    pub fn parse(text: &[u8], depth: usize) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        Self::read(serde_json::from_str(text).ok()?, depth)
    }

    fn read(raw: &RawValue, depth: usize) -> Option<Self> {
        let text = raw.get();
        Some(match text.as_bytes()[0] {
            b'[' => {
                let depth = depth.checked_sub(1)?;
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let elements = elements.into_iter().map(|element| Self::read(element, depth));
                Json::Array(elements.collect::<Option<_>>()?)
            }
            b'{' => {
                let depth = depth.checked_sub(1)?;
                let Members(members) = serde_json::from_str(text).ok()?;
                let members = members.into_iter().map(|(key, value)| {
                    characters(key.get())?;
                    Some((key.get().to_owned(), Self::read(value, depth)?))
                });
                Json::Object(members.collect::<Option<_>>()?)
            }
            // serde_json checks a string only when it reads one.
            b'"' => characters(text).map(|_| Json::Scalar(text.to_owned()))?,
            _ => Json::Scalar(text.to_owned()),
        })
    }

    /// The compact form; `None` if an object has a key twice.
    pub fn compact(&self) -> Option<String> {
        let mut sorted = self.clone();
        sorted.sort();
        let mut text = String::new();
        sorted.is_distinct().then(|| sorted.write(&mut text))?;
        Some(text)
    }

    /// Sorts the keys of every object by their characters.
    pub fn sort(&mut self) {
        match self {
            Json::Array(elements) => elements.iter_mut().for_each(Json::sort),
            Json::Object(members) => {
                members.sort_by(|(a, _), (b, _)| characters(a).cmp(&characters(b)));
                members.iter_mut().for_each(|(_, value)| value.sort());
            }
            Json::Scalar(_) => {}
        }
    }

    /// Whether no object has two keys of the same characters. The keys must be sorted.
    fn is_distinct(&self) -> bool {
        match self {
            Json::Array(elements) => elements.iter().all(Json::is_distinct),
            Json::Object(members) => {
                let same =
                    |pair: &[(String, Json)]| characters(&pair[0].0) == characters(&pair[1].0);
                !members.windows(2).any(same)
                    && members.iter().all(|(_, value)| value.is_distinct())
            }
            Json::Scalar(_) => true,
        }
    }

    /// Writes the value unchanged, without white space.
    pub fn write(&self, out: &mut String) {
        self.write_spaced(out, &mut || "");
    }

    /// Writes the value in another layout: keys in another order, and white space.
    pub fn write_otherwise(&self, layout: &mut Unstructured<'_>) -> Result<String> {
        let mut shuffled = self.clone();
        shuffled.shuffle(layout)?;
        let mut out = String::new();
        shuffled.write_spaced(&mut out, &mut || {
            *layout.choose(&["", "", "", "", " ", "\n", "\t", "\r\n  "]).unwrap_or(&"")
        });
        Ok(out)
    }

    fn shuffle(&mut self, layout: &mut Unstructured<'_>) -> Result<()> {
        match self {
            Json::Array(elements) => elements.iter_mut().try_for_each(|it| it.shuffle(layout)),
            Json::Object(members) => {
                for last in (1..members.len()).rev() {
                    members.swap(last, layout.int_in_range(0..=last)?);
                }
                members.iter_mut().try_for_each(|(_, value)| value.shuffle(layout))
            }
            Json::Scalar(_) => Ok(()),
        }
    }

    fn write_spaced(&self, out: &mut String, space: &mut dyn FnMut() -> &'static str) {
        out.push_str(space());
        match self {
            Json::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    element.write_spaced(out, space);
                }
                out.push_str(space());
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    out.extend([space(), key, space(), ":"]);
                    value.write_spaced(out, space);
                }
                out.push_str(space());
                out.push('}');
            }
            Json::Scalar(text) => out.push_str(text),
        }
        out.push_str(space());
    }

    /// The value under a key, by the key's characters.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members.iter().find(|(key, _)| characters(key).as_deref() == Some(name)).map(|(_, it)| it)
    }

    /// The characters of a string; empty for any other value.
    pub fn as_string(&self) -> Option<String> {
        match self {
            Json::Scalar(text) if text.starts_with('"') => characters(text).map(Cow::into_owned),
            _ => None,
        }
    }
}

/// The characters of a string's text; `None` if an escape stands for no character.
pub fn characters(text: &str) -> Option<Cow<'_, str>> {
    // A text without escapes can be borrowed.
    serde_json::from_str(text)
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str(text).map(Cow::Owned))
        .ok()
}

/// All members of an object, with the texts of their keys.
struct Members<'de>(Vec<(&'de RawValue, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Every;
        impl<'de> Visitor<'de> for Every {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Every)
    }
}
