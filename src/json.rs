//! JSON text that stays as it was written.
//!
//! A module document is passed on, not interpreted: the texts of its numbers and strings must come
//! out as they went in. So this reads JSON (RFC 8259) as text, without converting anything:
//! [`scan`] checks it and finds out whether it is canonical already, [`canonical`] makes it so.
//!
//! **Canonical** is: no white space outside strings, the keys of every object in ascending order of
//! their characters, none twice. Numbers and strings, keys included, keep their texts.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use crate::error::{Excerpt, SyntaxError};
use crate::names::{Name, sort_distinct};

/// Checks that `text` is one JSON value, nested no deeper than `depth`. Where it is an object,
/// `on_member` is given each of its keys and values.
///
/// A duplicate key is found here only where the keys are in order; elsewhere [`rewrite`] finds it.
pub(crate) fn scan(
    text: &[u8],
    depth: usize,
    on_member: OnMember<'_>,
) -> Result<Scanned, SyntaxError> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(SyntaxError::new(0, "a byte order mark, expected a JSON value"));
    }
    let mut scanner = Scanner::new(text);
    let kind = scanner.document(depth, on_member);
    let canonical = scanner.canonical;
    scanner.finish(kind).map(|kind| Scanned { kind, canonical })
}

/// What a text turned out to be.
pub(crate) struct Scanned {
    pub(crate) kind: Kind,
    pub(crate) canonical: bool,
}

/// The canonical form of `text`: borrowed where it is canonical already.
pub(crate) fn canonical(text: &[u8], depth: usize) -> Result<Cow<'_, [u8]>, SyntaxError> {
    if scan(text, depth, &mut |_, _| {})?.canonical {
        return Ok(Cow::Borrowed(text));
    }
    rewrite(text).map(Cow::Owned)
}

/// Writes text that [`scan`] has passed in canonical form. Fails on a duplicate key.
pub(crate) fn rewrite(text: &[u8]) -> Result<Vec<u8>, SyntaxError> {
    let mut scanner = Scanner::new(text);
    let mut out = Vec::with_capacity(text.len());
    scanner.space();
    let written = scanner.rewrite(&mut out);
    scanner.finish(written).map(|()| out)
}

/// A member of an object: its key, decoded, and the text of its value.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// The members of a canonical object.
pub(crate) fn members(object: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let scanned = scan(object, usize::MAX, &mut |key, value| {
        let value = object.get(value.range).unwrap_or_default();
        members.push((Cow::Owned(string(key.text).into_owned()), value));
    });
    debug_assert!(scanned.is_ok());
    members
}

/// The texts of the elements of a canonical array.
pub(crate) fn elements(array: &[u8]) -> Vec<&[u8]> {
    let mut scanner = Scanner::new(array);
    let mut elements = Vec::new();
    scanner.at += 1;
    while scanner.peek() != b']' {
        let start = scanner.at;
        if scanner.value(usize::MAX).is_err() {
            debug_assert!(false, "not a canonical array");
            break;
        }
        elements.push(array.get(start..scanner.at).unwrap_or_default());
        scanner.skip(b',');
    }
    elements
}

/// The characters of a string, given its text with quotes, as [`scan`] has passed it.
pub(crate) fn string(text: &[u8]) -> Cow<'_, str> {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let Ok(inner) = core::str::from_utf8(inner) else {
        debug_assert!(false, "not a checked string");
        return Cow::Borrowed("");
    };
    if inner.contains('\\') { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
}

/// Appends the JSON text of a string to `out`.
pub(crate) fn write_string(out: &mut Vec<u8>, string: &str) {
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
pub(crate) fn kind(text: &[u8]) -> Kind {
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
pub(crate) enum Kind {
    Array,
    Boolean,
    Null,
    Number,
    Object,
    String,
    /// An array that holds nothing but strings, so perhaps nothing. Only a scan tells it apart.
    Strings,
}

impl Kind {
    /// The kind with its article, for messages.
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

/// A key of an object, as it was scanned.
pub(crate) struct Key<'a> {
    /// Its text, with quotes.
    pub(crate) text: &'a [u8],
    /// What stands between the quotes: its characters, unless it is written with escapes.
    pub(crate) bare: Name<'a>,
    /// Whether it is written with escapes.
    pub(crate) escaped: bool,
}

/// A value in an object, as it was scanned.
pub(crate) struct Value {
    /// Where its text stands.
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
}

type OnMember<'a> = &'a mut dyn FnMut(&Key<'_>, Value);

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether all that was read so far is canonical.
    canonical: bool,
    /// What stopped it.
    error: Option<SyntaxError>,
}

/// The scanner has stopped, and holds the error: results stay small on the way that matters.
#[derive(Debug)]
struct Stopped;

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, canonical: true, error: None }
    }

    fn document(&mut self, depth: usize, on_member: OnMember<'_>) -> Result<Kind, Stopped> {
        self.space();
        let kind = match self.peek() {
            b'{' => self.object(depth, Some(on_member)).map(|()| Kind::Object)?,
            _ => self.value(depth)?,
        };
        self.space();
        if self.at < self.text.len() {
            return Err(self.stop(self.at, "more after the end of the JSON value"));
        }
        Ok(kind)
    }

    fn value(&mut self, depth: usize) -> Result<Kind, Stopped> {
        match self.peek() {
            b'"' => self.string().map(|_| Kind::String),
            b'{' => self.object(depth, None).map(|()| Kind::Object),
            b'[' => self.array(depth),
            b'-' | b'0'..=b'9' => self.number().map(|()| Kind::Number),
            b't' => self.literal(b"true").map(|()| Kind::Boolean),
            b'f' => self.literal(b"false").map(|()| Kind::Boolean),
            b'n' => self.literal(b"null").map(|()| Kind::Null),
            _ => Err(self.expected("expected a value")),
        }
    }

    fn object(&mut self, depth: usize, mut on_member: Option<OnMember<'_>>) -> Result<(), Stopped> {
        let depth = self.enter(depth)?;
        if self.skip(b'}') {
            return Ok(());
        }
        let mut previous: Option<Key<'a>> = None;
        loop {
            let at = self.at;
            let key = self.key()?;
            match &previous {
                // How an escaped key compares is not seen from its text.
                Some(previous) if key.escaped || previous.escaped => self.canonical = false,
                Some(previous) => match key.bare.cmp(&previous.bare) {
                    Ordering::Equal => return Err(self.duplicate(at)),
                    Ordering::Greater => {}
                    Ordering::Less => self.canonical = false,
                },
                None => self.canonical &= !key.escaped,
            }
            self.space();
            if !self.skip(b':') {
                return Err(self.expected("expected a colon"));
            }
            self.space();
            let start = self.at;
            let kind = self.value(depth)?;
            if let Some(on_member) = &mut on_member {
                on_member(&key, Value { range: start..self.at, kind });
            }
            previous = Some(key);
            self.space();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(self.expected("expected a comma or a closing brace")),
            }
            self.space();
        }
        self.at += 1;
        Ok(())
    }

    fn key(&mut self) -> Result<Key<'a>, Stopped> {
        let start = self.at;
        if self.peek() != b'"' {
            return Err(self.expected("expected a key in double quotes"));
        }
        let escaped = self.string()?;
        let text = self.text.get(start..self.at).unwrap_or_default();
        Ok(Key { text, bare: Name::within(self.text, start + 1..self.at - 1), escaped })
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Stopped> {
        let depth = self.enter(depth)?;
        let mut kind = Kind::Strings;
        if self.skip(b']') {
            return Ok(kind);
        }
        loop {
            if self.value(depth)? != Kind::String {
                kind = Kind::Array;
            }
            self.space();
            match self.peek() {
                b',' => self.at += 1,
                b']' => break,
                _ => return Err(self.expected("expected a comma or a closing bracket")),
            }
            self.space();
        }
        self.at += 1;
        Ok(kind)
    }

    /// Passes an opening brace or bracket and returns how much deeper it may go.
    fn enter(&mut self, depth: usize) -> Result<usize, Stopped> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.stop(self.at, "nested too deeply"));
        };
        self.at += 1;
        self.space();
        Ok(depth)
    }

    /// Passes a string and returns whether it has escapes.
    fn string(&mut self) -> Result<bool, Stopped> {
        let start = self.at;
        let mut at = start + 1;
        let (mut ascii, mut escaped) = (true, false);
        loop {
            at += plain_prefix(self.text.get(at..).unwrap_or_default());
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                Some(0x80..) => {
                    ascii = false;
                    at += 1;
                }
                Some(_) => return Err(self.stop(at, "a control character in a string")),
                None => return Err(self.stop(at, "the text ends inside a string")),
            }
        }
        self.at = at + 1;
        if ascii { Ok(escaped) } else { self.utf8(start..at).map(|()| escaped) }
    }

    fn utf8(&mut self, string: Range<usize>) -> Result<(), Stopped> {
        let start = string.start;
        let checked = core::str::from_utf8(self.text.get(string).unwrap_or_default());
        checked.map(drop).map_err(|error| self.stop(start + error.valid_up_to(), "not UTF-8"))
    }

    /// The position after the escape at `at`. A surrogate must have its pair: an unpaired one
    /// stands for no character, and readers differ about it (RFC 8259, section 8.2).
    fn escape(&mut self, at: usize) -> Result<usize, Stopped> {
        let wrong = match self.text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return Ok(at + 2),
            Some(b'u') => match (self.code_unit(at), self.code_unit(at + 6)) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => return Ok(at + 12),
                (Some(0xd800..0xe000), _) => "half of a surrogate pair",
                (Some(_), _) => return Ok(at + 6),
                (None, _) => "expected four hexadecimal digits after \\u",
            },
            _ => "an unknown escape in a string",
        };
        Err(self.stop(at, wrong))
    }

    /// The code unit of the `\uXXXX` at `at`.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.text.get(at..at + 6)? else {
            return None;
        };
        digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
    }

    fn number(&mut self) -> Result<(), Stopped> {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'+') {
                self.skip(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Stopped> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("expected a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), Stopped> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(literal)) {
            return Err(self.expected("expected a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    fn space(&mut self) {
        // What is canonical has none, and no token starts with a byte this small.
        if self.peek() > b' ' {
            return;
        }
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.canonical = false;
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// The byte ahead, or NUL, which JSON has no place for, at the end.
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or_default()
    }

    #[cold]
    fn expected(&mut self, what: &'static str) -> Stopped {
        if self.at < self.text.len() {
            self.stop(self.at, what)
        } else {
            self.stop(self.at, format!("the text ends, {what}"))
        }
    }

    #[cold]
    fn duplicate(&mut self, key_at: usize) -> Stopped {
        self.at = key_at;
        let key = self.string().ok().and_then(|_| self.text.get(key_at..self.at));
        let key = string(key.unwrap_or_default());
        self.stop(key_at, format!("the key \"{}\" stands twice in one object", Excerpt(&key)))
    }

    #[cold]
    fn stop(&mut self, offset: usize, reason: impl Into<Cow<'static, str>>) -> Stopped {
        self.error = Some(SyntaxError::new(offset, reason));
        Stopped
    }

    /// What the scanner has come to.
    fn finish<T>(self, result: Result<T, Stopped>) -> Result<T, SyntaxError> {
        match (result, self.error) {
            (Ok(value), _) => Ok(value),
            (Err(Stopped), Some(error)) => Err(error),
            (Err(Stopped), None) => Err(SyntaxError::new(self.at, "not JSON")),
        }
    }

    /// Appends the canonical form of the value ahead, which is known to be sound, to `out`.
    fn rewrite(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        match self.peek() {
            b'{' => self.rewrite_object(out),
            b'[' => {
                self.copy_byte(out);
                while self.peek() != b']' {
                    self.rewrite(out)?;
                    self.space();
                    if self.peek() == b',' {
                        self.copy_byte(out);
                    }
                }
                self.copy_byte(out);
                Ok(())
            }
            _ => {
                let start = self.at;
                self.value(0)?;
                out.extend_from_slice(self.text.get(start..self.at).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn rewrite_object(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let start = out.len();
        // Each member is written in canonical form as it comes; then, if need be, they are sorted.
        let mut names: Vec<(Cow<'a, str>, usize)> = Vec::new();
        let mut members: Vec<(usize, Range<usize>)> = Vec::new();
        self.copy_byte(out);
        while self.peek() != b'}' {
            let (key_at, member_at) = (self.at, out.len());
            self.string()?;
            let key = self.text.get(key_at..self.at).unwrap_or_default();
            out.extend_from_slice(key);
            self.space();
            self.copy_byte(out);
            self.rewrite(out)?;
            names.push((string(key), members.len()));
            members.push((key_at, member_at..out.len()));
            self.space();
            if self.peek() == b',' {
                self.copy_byte(out);
            }
        }
        self.copy_byte(out);
        if names.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Ok(());
        }
        if let Err((_, place)) = sort_distinct(&mut names) {
            let key_at = members.get(place).map_or(start, |(key_at, _)| *key_at);
            return Err(self.duplicate(key_at));
        }
        let mut sorted = Vec::with_capacity(out.len() - start);
        for (_, place) in names {
            sorted.push(if sorted.is_empty() { b'{' } else { b',' });
            let member = members.get(place).map(|(_, member)| member.clone()).unwrap_or_default();
            sorted.extend_from_slice(out.get(member).unwrap_or_default());
        }
        sorted.push(b'}');
        out.truncate(start);
        out.append(&mut sorted);
        Ok(())
    }

    /// Copies a structural byte, and passes the white space after it.
    fn copy_byte(&mut self, out: &mut Vec<u8>) {
        out.push(self.peek());
        self.at += 1;
        self.space();
    }
}

/// How many bytes from the start of `text` stand for themselves in a string: ASCII without control
/// characters, quote and backslash. Sixteen bytes are looked at a time.
fn plain_prefix(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let plain = plain_prefix_of_chunk(chunk);
        at += plain;
        if plain < chunk.len() {
            return at;
        }
    }
    let plain = |&byte: &u8| matches!(byte, 0x20..0x80) && byte != b'"' && byte != b'\\';
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| plain(byte)).count()
}

#[cfg(target_feature = "simd128")]
fn plain_prefix_of_chunk(chunk: &[u8; 16]) -> usize {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_lt, i8x16_splat, u64x2, v128_or};

    let (low, high) = halves(chunk);
    let chunk = u64x2(low, high);
    // As signed numbers, bytes that are not ASCII are less than the control characters.
    let stops = v128_or(
        i8x16_lt(chunk, i8x16_splat(0x20)),
        v128_or(i8x16_eq(chunk, i8x16_splat(0x22)), i8x16_eq(chunk, i8x16_splat(0x5c))),
    );
    (u32::from(i8x16_bitmask(stops)) | 1 << 16).trailing_zeros() as usize
}

#[cfg(not(target_feature = "simd128"))]
fn plain_prefix_of_chunk(chunk: &[u8; 16]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;

    // The high bit of each byte that stops. It gets set where a subtraction borrows; a borrow spoils
    // only the bytes after it, and the first is looked for.
    let stops = |bytes: u64| {
        let control = bytes.wrapping_sub(ONES * 0x20);
        let quote = (bytes ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslash = (bytes ^ (ONES * 0x5c)).wrapping_sub(ONES);
        (control | quote | backslash | bytes) & HIGH
    };
    let (low, high) = halves(chunk);
    match (stops(low), stops(high)) {
        (0, 0) => 16,
        (0, high) => 8 + high.trailing_zeros() as usize / 8,
        (low, _) => low.trailing_zeros() as usize / 8,
    }
}

fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
}

/// Resolves the escapes of a checked string.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        // Consecutive \u escapes are code units of UTF-16 and are resolved together.
        units.clear();
        let mut ahead = escape;
        while let Some(digits) = ahead.strip_prefix('u').and_then(|ahead| ahead.get(..4)) {
            units.push(u16::from_str_radix(digits, 16).unwrap_or_default());
            rest = ahead.get(5..).unwrap_or_default();
            match rest.strip_prefix('\\') {
                Some(next) if next.starts_with('u') => ahead = next,
                _ => break,
            }
        }
        if units.is_empty() {
            let mut chars = escape.chars();
            out.extend(chars.next().map(|c| match c {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                itself => itself,
            }));
            rest = chars.as_str();
        } else {
            out.extend(char::decode_utf16(units.iter().copied()).flatten());
        }
    }
    out.push_str(rest);
    out
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
    fn stops_are_found_at_every_place_of_a_chunk() {
        for length in 0..40 {
            for stop in [0, 0x1f, b'"', b'\\', 0x80, 0xff] {
                let mut text = alloc::vec![b'a'; length];
                text.extend([stop, b'"', 0x80, 0]);
                assert_eq!(plain_prefix(&text), length);
            }
            assert_eq!(plain_prefix(&alloc::vec![0x7f; length]), length);
        }
    }

    #[test]
    fn a_string_is_written_as_it_is_read() {
        for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}", "é\u{1f600}"] {
            let mut json = Vec::new();
            write_string(&mut json, text);
            assert!(scan(&json, 1, &mut |_, _| {}).unwrap().canonical);
            assert_eq!(string(&json), text);
        }
        assert_eq!(string(br#""\ud83d\ude00\u0041\n\/""#), "\u{1f600}A\n/");
    }
}
