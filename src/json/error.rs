//! JSON syntax errors.

use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

use serde_json::value::RawValue;

/// A position in a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, in bytes, counted from 1.
    pub column: u32,
}

impl Position {
    /// Returns the position in `text` of this part of it.
    pub(crate) fn of(text: &[u8], part: &[u8]) -> Self {
        let offset = part.first().and_then(|first| text.element_offset(first));
        let before = offset.and_then(|offset| text.get(..offset)).unwrap_or(text);
        let mut lines = before.split(|&byte| byte == b'\n');
        let column = lines.next_back().map_or(0, <[u8]>::len) as u32 + 1;
        Self { line: lines.count() as u32 + 1, column }
    }

    /// Returns the position in a text of this position in the part of it that begins at `start`.
    pub(crate) fn moved(mut self, start: Self) -> Self {
        if self.line == 1 {
            self.column += start.column - 1;
        }
        self.line += start.line - 1;
        self
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A JSON syntax error and its position.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SyntaxError {
    /// The position of the error.
    pub position: Position,
    /// A description of what was found, and of what was expected.
    pub reason: Cow<'static, str>,
}

impl SyntaxError {
    /// Returns an error at this part of `text`.
    pub(crate) fn at(text: &[u8], part: &[u8], reason: impl Into<Cow<'static, str>>) -> Self {
        Self { position: Position::of(text, part), reason: reason.into() }
    }

    /// Returns the error for an error that serde_json found in `text`.
    pub(super) fn found(text: &str, error: &serde_json::Error) -> Self {
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let column = error.column().saturating_sub(1);
        let mut offset = text.floor_char_boundary(lines.map(str::len).sum::<usize>() + column);
        // serde_json reports a control character in a string at the character before it.
        let next = text.ceil_char_boundary(offset + 1);
        let begun = serde_json::from_str::<&RawValue>(text.get(..next).unwrap_or_default());
        if !error.is_eof() && begun.is_err_and(|error| error.is_eof()) {
            offset = next;
        }

        let rest = text.get(offset..).unwrap_or_default();
        let reason = match rest.chars().next().filter(|_| !error.is_eof()) {
            Some(found) if found.is_control() => "unexpected control character".into(),
            Some(found) => format!("unexpected `{found}`").into(),
            None => Cow::Borrowed("unexpected end"),
        };
        Self::at(text.as_bytes(), rest.as_bytes(), reason)
    }

    /// Returns the error in `text` for an error in this part of it.
    pub(crate) fn moved(self, text: &[u8], part: &[u8]) -> Self {
        Self { position: self.position.moved(Position::of(text, part)), ..self }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.reason)
    }
}

impl core::error::Error for SyntaxError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_position_is_a_line_and_a_column() {
        let text = b"ab\n\nc";
        for (offset, expected) in
            [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (5, (3, 2)), (9, (3, 2))]
        {
            let part = text.get(offset..).unwrap_or_default();
            let error = SyntaxError::at(text, part, "a reason");
            assert_eq!((error.position.line, error.position.column), expected, "{offset}");
        }
        let error = SyntaxError::at(text, &text[4..], "a reason");
        assert_eq!(error.to_string(), "line 3, column 1: a reason");
    }

    #[test]
    fn a_position_in_a_part_is_moved_to_the_whole() {
        let whole = b"[\n [1,\n  x] ]";
        let part = &whole[3..];
        for offset in 0..part.len() {
            let error = SyntaxError::at(part, &part[offset..], "a reason").moved(whole, part);
            assert_eq!(error, SyntaxError::at(whole, &part[offset..], "a reason"), "{offset}");
        }
    }
}
