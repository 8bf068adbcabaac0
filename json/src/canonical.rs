//! Reads canonical text in one pass, and makes no answer longer than "it is not canonical".
//!
//! This is what nearly every document goes through, so it is written for speed: it follows one
//! position, compares keys by their first eight bytes, and hands what is rare (an escape, a
//! fraction, a letter beyond ASCII) to the plain reader's functions for strings and numbers.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use crate::name::Name;
use crate::plain::Scanner;
use crate::plain_prefix::{self, CHUNK};
use crate::{Kind, characters};

/// Whether `text` is one canonical value, nested no deeper than `depth`.
pub fn is_canonical(text: &[u8], depth: usize) -> bool {
    value(text, 0, depth).is_some_and(|(_, end)| end == text.len())
}

/// Whether `text` is one canonical object, nested no deeper than `depth`. If it is, the values of
/// the members with these names, which ascend, are noted in `values`, in the same order; a value
/// whose name does not occur is left as it was.
///
/// ```
/// use ccs_modules_json::{Name, Value, read_members};
///
/// let text = br#"{"a":1,"b":"x","c":{}}"#;
/// let mut values = [Value::NULL; 2];
/// assert!(read_members(text, 2, &[Name::new(b"b"), Name::new(b"d")], &mut values));
/// assert_eq!(&text[values[0].range.clone()], b"\"x\"");
/// assert_eq!(values[1], Value::NULL);
/// assert!(!read_members(b"{ }", 2, &[], &mut []));
/// ```
pub fn read_members(text: &[u8], depth: usize, names: &[Name<'_>], values: &mut [Value]) -> bool {
    text.first() == Some(&b'{') && object(text, 0, depth, names, values) == Some(text.len())
}

/// A member of an object: its key, decoded, and the text of its value.
pub type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// The members of a canonical object.
pub fn members(object: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut at = 1;
    while let Some((_, key_end)) = any_string(object, at)
        && let Some((_, end)) = value(object, key_end + 1, usize::MAX)
    {
        let key = characters(object.get(at + 1..key_end - 1).unwrap_or_default());
        members.push((key, object.get(key_end + 1..end).unwrap_or_default()));
        at = end + 1;
    }
    members
}

/// The texts of the elements of a canonical array.
pub fn elements(array: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    let mut at = 1;
    while let Some((_, end)) = value(array, at, usize::MAX) {
        elements.push(array.get(at..end).unwrap_or_default());
        at = end + 1;
    }
    elements
}

/// The value of a member.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Value {
    /// Where its text stands.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

impl Value {
    /// Null that stands nowhere.
    pub const NULL: Self = Self { range: 0..0, kind: Kind::Null };
}

// The functions below are given the position of a token and return the position after it, or
// nothing where it is not canonical.

fn value(text: &[u8], at: usize, depth: usize) -> Option<(Kind, usize)> {
    any_value(text, at, depth)
}

#[inline(always)]
fn any_value(text: &[u8], at: usize, depth: usize) -> Option<(Kind, usize)> {
    let (kind, end) = match text.get(at)? {
        b'"' => (Kind::String, string(text, at)?.1),
        b'[' => return array(text, at, depth),
        b'{' => (Kind::Object, object(text, at, depth, &[], &mut [])?),
        b't' => (Kind::Boolean, literal(text, at, b"true")?),
        b'f' => (Kind::Boolean, literal(text, at, b"false")?),
        b'n' => (Kind::Null, literal(text, at, b"null")?),
        _ => (Kind::Number, number(text, at)?),
    };
    Some((kind, end))
}

fn object(
    text: &[u8],
    start: usize,
    depth: usize,
    names: &[Name<'_>],
    values: &mut [Value],
) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let mut at = start + 1;
    if text.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    let mut wanted = names.iter().zip(values);
    let mut next = wanted.next();
    let mut previous: Option<Name<'_>> = None;
    let mut any_escaped = false;
    loop {
        let mut place = None;
        let key_end;
        // The wanted names ascend, and those before the keys so far have been passed by: where the
        // next one is the key, as it mostly is, the order is right.
        if let Some((name, _)) = next
            && let Some(end) = bare_key(text, at, name)
        {
            key_end = end;
            previous = Some(*name);
            place = next.map(|(_, place)| place);
            next = wanted.next();
        } else {
            let (escaped, end) = any_string(text, at)?;
            let key = Name::within(text, at + 1..end - 1);
            // How an escaped key compares is not seen from its text.
            any_escaped |= escaped;
            if !any_escaped && previous.is_some_and(|previous| previous >= key) {
                return None;
            }
            let decoded = escaped.then(|| characters(key.bytes()));
            let name = decoded.as_ref().map_or(key, |decoded| Name::new(decoded.as_bytes()));
            while let Some((wanted_name, wanted_place)) = next.take_if(|(next, _)| **next <= name) {
                next = wanted.next();
                if *wanted_name == name {
                    place = Some(wanted_place);
                    break;
                }
            }
            key_end = end;
            previous = Some(key);
        }
        if text.get(key_end) != Some(&b':') {
            return None;
        }
        let (kind, end) = any_value(text, key_end + 1, depth)?;
        if let Some(place) = place {
            *place = Value { range: key_end + 1..end, kind };
        }
        match text.get(end)? {
            b',' => at = end + 1,
            b'}' if any_escaped && !keys_ascend(text.get(start..=end)?) => return None,
            b'}' => return Some(end + 1),
            _ => return None,
        }
    }
}

/// The key with this name, if that is the key at `at`, written without escapes.
#[inline(always)]
fn bare_key(text: &[u8], at: usize, name: &Name<'_>) -> Option<usize> {
    let end = at + 1 + name.bytes().len();
    let found = text.get(at) == Some(&b'"')
        && text.get(end) == Some(&b'"')
        && Name::within(text, at + 1..end) == *name;
    found.then_some(end + 1)
}

/// Whether the keys of an object that is canonical otherwise are in order, whichever way they are
/// written.
#[cold]
fn keys_ascend(object: &[u8]) -> bool {
    members(object).is_sorted_by(|(a, _), (b, _)| a < b)
}

fn array(text: &[u8], at: usize, depth: usize) -> Option<(Kind, usize)> {
    let depth = depth.checked_sub(1)?;
    let mut at = at + 1;
    let mut kind = Kind::Strings;
    if text.get(at) == Some(&b']') {
        return Some((kind, at + 1));
    }
    loop {
        if text.get(at) == Some(&b'"') {
            at = string(text, at)?.1;
        } else {
            kind = Kind::Array;
            at = value(text, at, depth)?.1;
        }
        match text.get(at)? {
            b',' => at += 1,
            b']' => return Some((kind, at + 1)),
            _ => return None,
        }
    }
}

/// A string, and whether it has escapes.
#[inline(always)]
fn string(text: &[u8], at: usize) -> Option<(bool, usize)> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = at + 1;
    while let Some(chunk) = text.get(end..).and_then(<[u8]>::first_chunk) {
        let plain = plain_prefix::of_chunk(chunk);
        end += plain;
        if plain < CHUNK {
            if text.get(end) == Some(&b'"') {
                return Some((false, end + 1));
            }
            break;
        }
    }
    any_string(text, at)
}

#[inline(never)]
fn any_string(text: &[u8], at: usize) -> Option<(bool, usize)> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut scanner = Scanner::at(text, at);
    scanner.string().ok().map(|escaped| (escaped, scanner.position()))
}

#[inline(always)]
fn number(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while text.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    match text.get(at) {
        Some(b'1'..=b'9') if !matches!(text.get(end), Some(b'.' | b'E' | b'e')) => Some(end),
        _ => any_number(text, at),
    }
}

#[cold]
fn any_number(text: &[u8], at: usize) -> Option<usize> {
    let mut scanner = Scanner::at(text, at);
    scanner.number().ok().map(|()| scanner.position())
}

#[inline(always)]
fn literal<const N: usize>(text: &[u8], at: usize, literal: &[u8; N]) -> Option<usize> {
    let found = text.get(at..)?.first_chunk()?;
    (found == literal).then_some(at + N)
}
