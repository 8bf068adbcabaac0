//! Recognises compact text in one pass.
//!
//! Nearly every document goes through here, so this is written for speed. It does not recognise what is
//! rare in compact text: an escape, a fraction, an exponent, a minus sign. serde_json reads every text
//! that is not recognised.

use crate::json::{DEEPEST, Kind, Value};

/// Returns whether `text` is recognised as one compact object, nested no deeper than `depth`
/// and [`DEEPEST`].
///
/// The values of the members with these names, which ascend, are noted in `values`, in the same
/// order. A value whose name does not occur is left as it was. If the object is not recognised,
/// some may be noted too.
pub(crate) fn read_members(text: &str, depth: usize, names: &[&str], values: &mut [Value]) -> bool {
    object(text.as_bytes(), depth.min(DEEPEST), names, values) == Some(&[])
}

// The functions below take text that begins with a token and return the text after it, or `None` if
// they do not recognise it.

#[inline(always)]
fn value(text: &[u8], depth: usize) -> Option<(Kind, &[u8])> {
    Some(match text {
        [b'"', ..] => (Kind::String, string(text)?),
        [b'[', rest @ ..] => array(rest, depth)?,
        [b'{', ..] => (Kind::Object, object(text, depth, &[], &mut [])?),
        [b't', b'r', b'u', b'e', rest @ ..] => (Kind::Boolean, rest),
        [b'f', b'a', b'l', b's', b'e', rest @ ..] => (Kind::Boolean, rest),
        [b'n', b'u', b'l', b'l', rest @ ..] => (Kind::Null, rest),
        _ => (Kind::Number, integer(text)?),
    })
}

fn object<'a>(
    text: &'a [u8],
    depth: usize,
    names: &[&str],
    values: &mut [Value],
) -> Option<&'a [u8]> {
    let depth = depth.checked_sub(1)?;
    let mut rest = text.strip_prefix(b"{")?;
    if let Some(rest) = rest.strip_prefix(b"}") {
        return Some(rest);
    }

    let mut wanted = names.iter().zip(values).peekable();
    let mut previous = None;
    loop {
        // The next wanted name is guessed before the key is read. The guess is nearly always right, and
        // finding the end of a key takes longer.
        let guess = wanted.peek().and_then(|(name, _)| this_key(rest, name.as_bytes()));
        let (key, after, noted) = if let Some((key, after)) = guess {
            // The wanted names ascend, and those before the keys so far have been passed by.
            (key, after, wanted.next())
        } else {
            let (key, after) = any_key(rest)?;
            if previous.is_some_and(|previous| previous >= key) {
                return None;
            }
            while wanted.next_if(|(name, _)| name.as_bytes() < key).is_some() {}
            (key, after, wanted.next_if(|(name, _)| name.as_bytes() == key))
        };
        previous = Some(key);

        let after = after.strip_prefix(b":")?;
        let start = text.len() - after.len();
        let (kind, after) = value(after, depth)?;
        if let Some((_, noted)) = noted {
            *noted = Value { range: start..text.len() - after.len(), kind };
        }
        match after {
            [b',', after @ ..] => rest = after,
            [b'}', after @ ..] => return Some(after),
            _ => return None,
        }
    }
}

/// Skips a key if it is this name, and returns it too.
#[inline(always)]
fn this_key<'a>(text: &'a [u8], name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (key, rest) = text.strip_prefix(b"\"")?.split_at_checked(name.len())?;
    let rest = rest.strip_prefix(b"\"")?;
    same(key, name).then_some((key, rest))
}

/// Returns whether two names of the same length are the same. Calling a function of the system would cost
/// more for so few bytes.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        0..4 => a.iter().eq(b),
        4..8 => same_ends::<4>(a, b),
        8..16 => same_ends::<8>(a, b),
        16..32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

/// Compares the first `N` bytes and the last `N`, which may overlap.
#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
}

/// Skips a key, whatever it is, and returns it too.
fn any_key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = string(text)?;
    Some((text.get(1..text.len() - rest.len() - 1)?, rest))
}

fn array(mut text: &[u8], depth: usize) -> Option<(Kind, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let mut kind = Kind::Strings;
    if let [b']', rest @ ..] = text {
        return Some((kind, rest));
    }
    loop {
        let (element, rest) = value(text, depth)?;
        if element != Kind::String {
            kind = Kind::Array;
        }
        match rest {
            [b',', rest @ ..] => text = rest,
            [b']', rest @ ..] => return Some((kind, rest)),
            _ => return None,
        }
    }
}

/// Skips a string without escapes.
#[inline(always)]
fn string(text: &[u8]) -> Option<&[u8]> {
    let mut text = text.strip_prefix(b"\"")?;
    while let Some((chunk, rest)) = text.split_first_chunk() {
        let plain = plain_bytes(*chunk);
        if plain < chunk.len() {
            return text.get(plain..)?.strip_prefix(b"\"");
        }
        text = rest;
    }
    last_string(text)
}

/// Skips the remainder of a string that ends among the last bytes of the text.
fn last_string(text: &[u8]) -> Option<&[u8]> {
    let stops = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    text.get(text.iter().position(stops)?..)?.strip_prefix(b"\"")
}

/// Returns how many bytes from the start of `chunk` stand for themselves in a string: all but
/// control characters, quotes and backslashes.
fn plain_bytes(chunk: [u8; 8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;

    // The high bit of each byte that stops. It is set where a subtraction borrows; a borrow spoils
    // only the bytes after it, and the first is looked for.
    let bytes = u64::from_le_bytes(chunk);
    let control = bytes.wrapping_sub(ONES * 0x20);
    let quote = (bytes ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (bytes ^ (ONES * 0x5c)).wrapping_sub(ONES);
    let stops = (control | quote | backslash) & !bytes & HIGH;
    stops.trailing_zeros() as usize / 8
}

/// Skips an integer without a sign. A fraction or an exponent after it is not the end of a value.
#[inline(always)]
fn integer(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match text {
        [b'0', rest @ ..] if digits == 1 => Some(rest),
        [b'1'..=b'9', ..] => text.get(digits..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    fn recognises(text: &str) -> bool {
        read_members(text, 3, &[], &mut [])
    }

    #[test]
    fn compact_objects_are_recognised() {
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
    fn text_that_is_not_compact_is_not_recognised() {
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
        let names = ["b", "bb", "d", "e", "f"];
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
    fn names_are_the_same_if_every_byte_is() {
        for length in 0..40 {
            let name: Vec<u8> = (b'a'..).take(length).collect();
            assert!(same(&name, &name.clone()), "{length}");
            for index in 0..length {
                let mut other = name.clone();
                other[index] = b'!';
                assert!(!same(&name, &other), "{index} of {length}");
            }
        }
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
