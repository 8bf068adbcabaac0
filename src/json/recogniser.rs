//! Recognises canonical text in one pass.
//!
//! Nearly every document goes through here, so this is written for speed: it follows one position
//! and compares keys by their first eight bytes. It gives up at whatever is rare in canonical text:
//! an escape, a fraction, an exponent, a minus sign. What it gives up is read by serde_json, so what
//! it does recognise is all that it can be wrong about.

use crate::json::{Kind, Name, Value};

/// Returns whether `text` is recognised as one canonical object, nested no deeper than `depth`.
///
/// The values of the members with these names, which ascend, are noted in `values`, in the same
/// order; a value whose name does not occur is left as it was. Where the object is not recognised,
/// some may be noted too.
pub(crate) fn read_members(
    text: &str,
    depth: usize,
    names: &[Name<'_>],
    values: &mut [Value],
) -> bool {
    let text = text.as_bytes();
    text.first() == Some(&b'{') && object(text, 0, depth, names, values) == Some(text.len())
}

// The functions below take the position of a token and return the position after it, or nothing
// where they give up.

fn value(text: &[u8], at: usize, depth: usize) -> Option<(Kind, usize)> {
    any_value(text, at, depth)
}

#[inline(always)]
fn any_value(text: &[u8], at: usize, depth: usize) -> Option<(Kind, usize)> {
    let (kind, end) = match text.get(at)? {
        b'"' => (Kind::String, string(text, at)?),
        b'[' => return array(text, at, depth),
        b'{' => (Kind::Object, object(text, at, depth, &[], &mut [])?),
        b't' => (Kind::Boolean, literal(text, at, b"true")?),
        b'f' => (Kind::Boolean, literal(text, at, b"false")?),
        b'n' => (Kind::Null, literal(text, at, b"null")?),
        _ => (Kind::Number, integer(text, at)?),
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
    loop {
        let mut noted = None;
        let key_end;
        // The wanted names ascend, and those before the keys so far have been passed by. So where
        // the next one is the key, as it mostly is, the order is right.
        if let Some((name, _)) = next
            && let Some(end) = this_key(text, at, name)
        {
            key_end = end;
            previous = Some(*name);
            noted = next.map(|(_, value)| value);
            next = wanted.next();
        } else {
            key_end = any_key(text, at)?;
            let key = Name::within(text, at + 1..key_end - 1);
            if previous.is_some_and(|previous| previous >= key) {
                return None;
            }
            while let Some((name, value)) = next.take_if(|(name, _)| **name <= key) {
                next = wanted.next();
                if *name == key {
                    noted = Some(value);
                    break;
                }
            }
            previous = Some(key);
        }
        if text.get(key_end) != Some(&b':') {
            return None;
        }
        let (kind, end) = any_value(text, key_end + 1, depth)?;
        if let Some(noted) = noted {
            *noted = Value { range: key_end + 1..end, kind };
        }
        match text.get(end)? {
            b',' => at = end + 1,
            b'}' => return Some(end + 1),
            _ => return None,
        }
    }
}

/// Passes the key at `at` if it is this name.
#[inline(always)]
fn this_key(text: &[u8], at: usize, name: &Name<'_>) -> Option<usize> {
    let end = at + 1 + name.bytes().len();
    let found = text.get(at) == Some(&b'"')
        && text.get(end) == Some(&b'"')
        && Name::within(text, at + 1..end) == *name;
    found.then_some(end + 1)
}

/// Passes the key at `at`, whatever it is.
#[inline(never)]
fn any_key(text: &[u8], at: usize) -> Option<usize> {
    string(text, at)
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
            at = string(text, at)?;
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

/// Passes a string without escapes.
#[inline(always)]
fn string(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = at + 1;
    while let Some(chunk) = text.get(end..).and_then(<[u8]>::first_chunk) {
        let plain = plain_bytes(chunk);
        end += plain;
        if plain < CHUNK {
            return (text.get(end) == Some(&b'"')).then_some(end + 1);
        }
    }
    last_string(text, end)
}

/// Passes the remainder of a string that ends among the last bytes of the text.
#[inline(never)]
fn last_string(text: &[u8], at: usize) -> Option<usize> {
    let stops = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let end = at + text.get(at..)?.iter().position(stops)?;
    (text.get(end) == Some(&b'"')).then_some(end + 1)
}

/// The number of bytes of a string that are compared at once.
const CHUNK: usize = 16;

/// Returns how many bytes from the start of `chunk` stand for themselves in a string: all but
/// control characters, quotes and backslashes.
#[inline(always)]
fn plain_bytes(chunk: &[u8; CHUNK]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;

    // The high bit of each byte that stops. It is set where a subtraction borrows; a borrow spoils
    // only the bytes after it, and the first is looked for.
    let stops = |bytes: u64| {
        let control = bytes.wrapping_sub(ONES * 0x20);
        let quote = (bytes ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslash = (bytes ^ (ONES * 0x5c)).wrapping_sub(ONES);
        (control | quote | backslash) & !bytes & HIGH
    };
    let both = u128::from_le_bytes(*chunk);
    let (low, high) = (both as u64, (both >> 64) as u64);
    match (stops(low), stops(high)) {
        (0, 0) => CHUNK,
        (0, high) => 8 + high.trailing_zeros() as usize / 8,
        (low, _) => low.trailing_zeros() as usize / 8,
    }
}

/// Passes an integer without a sign. A fraction or an exponent after it is no end of a value.
#[inline(always)]
fn integer(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while text.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    match text.get(at) {
        Some(b'1'..=b'9') => Some(end),
        Some(b'0') if end == at + 1 => Some(end),
        _ => None,
    }
}

#[inline(always)]
fn literal<const N: usize>(text: &[u8], at: usize, literal: &[u8; N]) -> Option<usize> {
    let found = text.get(at..)?.first_chunk()?;
    (found == literal).then_some(at + N)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn recognises(text: &str) -> bool {
        read_members(text, 3, &[], &mut [])
    }

    #[test]
    fn canonical_objects_are_recognised() {
        for text in [
            "{}",
            r#"{"":0}"#,
            r#"{"a":{"b":[]},"aa":[1,"x",{}],"b":[true,false,null]}"#,
            r#"{"a":"","b":"sixteen bytes it and more","é":"😀"}"#,
            "{\"a\":\"\u{7f}\u{80}\",\"\u{ffff}\":1,\"\u{1f600}\":2}",
        ] {
            assert!(recognises(text), "{text}");
        }
    }

    #[test]
    fn anything_else_is_given_up() {
        for text in [
            "",
            "[]",
            "{",
            "{} ",
            " {}",
            "{ }",
            "{}{}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a" :1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 }"#,
            r#"{"a":1"#,
            r#"{"a":1,"a":1}"#,
            r#"{"b":1,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e2}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\u0061"}"#,
            r#"{"\u0061":1}"#,
            "{\"a\":\"\n\"}",
            "{\"a\":\"sixteen bytes it and\n more\"}",
            r#"{"a":[1,]}"#,
            r#"{"a":[1 ]}"#,
            r#"{"a":["x"}"#,
            r#"{"a":"x}"#,
            r#"{"a":[[[]]]}"#,
            r#"{"a":{"a":{"a":{}}}}"#,
        ] {
            assert!(!recognises(text), "{text}");
        }
    }

    #[test]
    fn members_are_noted_by_name() {
        let text = r#"{"a":1,"b":"x","c":{},"d":["x"],"e":["x",1]}"#;
        let names = ["b", "bb", "d", "e", "f"].map(|name| Name::new(name.as_bytes()));
        let mut values = [const { Value::NULL }; 5];
        assert!(read_members(text, 2, &names, &mut values));
        let noted = values.map(|value| (&text[value.range], value.kind));
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
    fn a_string_stops_at_any_place_of_a_chunk() {
        for length in 0..40 {
            let plain: String = "\u{7f}é".chars().cycle().take(length).collect();
            assert!(recognises(&alloc::format!("{{\"a\":\"{plain}\"}}")), "{length}");
            for stop in ['\0', '\u{1f}', '\\', '"'] {
                assert!(!recognises(&alloc::format!("{{\"a\":\"{plain}{stop}a\"}}")), "{length}");
            }
        }
    }
}
