//! Reads any JSON text, says what is wrong with it and where, and writes it in canonical form.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{SyntaxError, excerpt};
use crate::name::sort_distinct;
use crate::{plain_prefix, string};

/// The canonical form of `text`, which must be one value, nested no deeper than `depth`.
///
/// # Errors
///
/// As for [`canonical`](crate::canonical).
pub fn rewrite(text: &[u8], depth: usize) -> Result<Vec<u8>, SyntaxError> {
    let mut scanner = Scanner::at(text, 0);
    let mut out = Vec::with_capacity(text.len());
    match scanner.rewrite_document(depth, &mut out) {
        Ok(()) => Ok(out),
        Err(Stopped) => Err(scanner.error()),
    }
}

/// The text of the value that has this name in an object, canonical or not; none where there is not
/// exactly one. Other names may stand twice in the object, but not in an object within it.
///
/// ```
/// use ccs_modules_json::find_member;
///
/// assert_eq!(find_member(br#"{ "b": [1], "a": "x", "a": 2 }"#, "b", 2), Some(&b"[1]"[..]));
/// assert_eq!(find_member(br#"{ "b": [1], "a": "x", "a": 2 }"#, "a", 2), None);
/// assert_eq!(find_member(br#"{ "b": [1], "a": x }"#, "b", 2), None);
/// assert_eq!(find_member(br#"{ "b": [1] } x"#, "b", 2), None);
/// ```
pub fn find_member<'a>(text: &'a [u8], name: &str, depth: usize) -> Option<&'a [u8]> {
    let mut scanner = Scanner::at(text, 0);
    let (mut members, mut rewritten) = (Vec::new(), Vec::new());
    scanner.space();
    if scanner.peek() != b'{' {
        return None;
    }
    scanner.rewrite_members(depth, &mut rewritten, &mut members).ok()?;
    scanner.space();
    if scanner.at < text.len() {
        return None;
    }
    let mut named = members.iter().filter(|member| member.key == name);
    match (named.next(), named.next()) {
        (Some(member), None) => text.get(member.value.clone()),
        _ => None,
    }
}

/// Reads tokens, one after the other.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// What stopped it.
    error: Option<SyntaxError>,
}

/// A member that has been passed.
struct Member<'a> {
    /// Where it starts.
    at: usize,
    key: Cow<'a, str>,
    /// Where its value stands.
    value: Range<usize>,
    /// Where it was written.
    written: Range<usize>,
}

/// The scanner has stopped, and holds the error: results stay small on the way that matters.
#[derive(Debug)]
pub(super) struct Stopped;

impl<'a> Scanner<'a> {
    pub(super) fn at(text: &'a [u8], at: usize) -> Self {
        Self { text, at, error: None }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn rewrite_document(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Stopped> {
        if self.text.starts_with(b"\xef\xbb\xbf") {
            return Err(self.stop(0, "a byte order mark, expected a JSON value"));
        }
        self.space();
        self.rewrite(depth, out)?;
        self.space();
        if self.at < self.text.len() {
            return Err(self.stop(self.at, "more after the end of the JSON value"));
        }
        Ok(())
    }

    /// Passes the value ahead and appends its canonical form to `out`.
    fn rewrite(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let start = self.at;
        match self.peek() {
            b'{' => return self.rewrite_object(depth, out),
            b'[' => return self.rewrite_array(depth, out),
            b'"' => drop(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal(b"true")?,
            b'f' => self.literal(b"false")?,
            b'n' => self.literal(b"null")?,
            _ => return Err(self.expected("expected a value")),
        }
        out.extend_from_slice(self.text.get(start..self.at).unwrap_or_default());
        Ok(())
    }

    fn rewrite_array(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let depth = self.enter(depth, out)?;
        if self.peek() != b']' {
            loop {
                self.rewrite(depth, out)?;
                self.space();
                match self.peek() {
                    b',' => self.copy_byte(out),
                    b']' => break,
                    _ => return Err(self.expected("expected a comma or a closing bracket")),
                }
                self.space();
            }
        }
        self.copy_byte(out);
        Ok(())
    }

    fn rewrite_object(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let start = out.len();
        // Each member is written in canonical form as it comes; then, if need be, they are sorted.
        let mut members = Vec::new();
        self.rewrite_members(depth, out, &mut members)?;
        if members.is_sorted_by(|a, b| a.key < b.key) {
            return Ok(());
        }
        let names = members.iter().map(|member| member.key.clone());
        let names = sort_distinct(names.collect()).map_err(|(key, index)| {
            let at = members.get(index).map_or(start, |member| member.at);
            self.stop(at, ["the key \"", &excerpt(&key), "\" stands twice in one object"].concat())
        })?;
        let mut sorted = Vec::with_capacity(out.len() - start);
        for (_, index) in names {
            sorted.push(if sorted.is_empty() { b'{' } else { b',' });
            let written = members.get(index).map(|member| member.written.clone());
            sorted.extend_from_slice(out.get(written.unwrap_or_default()).unwrap_or_default());
        }
        sorted.push(b'}');
        out.truncate(start);
        out.append(&mut sorted);
        Ok(())
    }

    /// Passes an object, appends it to `out` with its members in the order they have, and notes them.
    fn rewrite_members(
        &mut self,
        depth: usize,
        out: &mut Vec<u8>,
        members: &mut Vec<Member<'a>>,
    ) -> Result<(), Stopped> {
        let depth = self.enter(depth, out)?;
        if self.peek() != b'}' {
            loop {
                members.push(self.rewrite_member(depth, out)?);
                self.space();
                match self.peek() {
                    b',' => self.copy_byte(out),
                    b'}' => break,
                    _ => return Err(self.expected("expected a comma or a closing brace")),
                }
                self.space();
            }
        }
        self.copy_byte(out);
        Ok(())
    }

    fn rewrite_member(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<Member<'a>, Stopped> {
        let (at, start) = (self.at, out.len());
        if self.peek() != b'"' {
            return Err(self.expected("expected a key in double quotes"));
        }
        self.string()?;
        let key = self.text.get(at..self.at).unwrap_or_default();
        out.extend_from_slice(key);
        self.space();
        if self.peek() != b':' {
            return Err(self.expected("expected a colon"));
        }
        self.copy_byte(out);
        self.space();
        let value_at = self.at;
        self.rewrite(depth, out)?;
        let (value, written) = (value_at..self.at, start..out.len());
        Ok(Member { at, key: string(key), value, written })
    }

    /// Passes an opening brace or bracket and returns how much deeper it may go.
    fn enter(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<usize, Stopped> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.stop(self.at, "nested too deeply"));
        };
        self.copy_byte(out);
        self.space();
        Ok(depth)
    }

    /// Passes a string and returns whether it has escapes.
    pub(super) fn string(&mut self) -> Result<bool, Stopped> {
        let start = self.at;
        let mut at = start + 1;
        let (mut ascii, mut escaped) = (true, false);
        loop {
            at += plain_prefix::of(self.text.get(at..).unwrap_or_default());
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

    /// Passes a number.
    pub(super) fn number(&mut self) -> Result<(), Stopped> {
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
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    fn copy_byte(&mut self, out: &mut Vec<u8>) {
        out.push(self.peek());
        self.at += 1;
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
            self.stop(self.at, ["the text ends, ", what].concat())
        }
    }

    #[cold]
    fn stop(&mut self, offset: usize, reason: impl Into<Cow<'static, str>>) -> Stopped {
        self.error = Some(SyntaxError::new(offset, reason));
        Stopped
    }

    /// Why the scanner has stopped.
    fn error(self) -> SyntaxError {
        self.error.unwrap_or_else(|| SyntaxError::new(self.at, "not JSON"))
    }
}
