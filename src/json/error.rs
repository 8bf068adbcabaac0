//! JSON syntax errors.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString as _;
use core::fmt;

/// A JSON syntax error and its position.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 1.
    pub column: usize,
    /// A text that says what was found, and what was expected.
    pub reason: Cow<'static, str>,
}

impl SyntaxError {
    /// Returns an error at a byte of `text`, counted from 0.
    ///
    /// ```
    /// use ccs_modules::SyntaxError;
    ///
    /// let error = SyntaxError::at(b"[\n  {} {}]", 7, "expected a comma");
    /// assert_eq!(error.to_string(), "line 2, column 6: expected a comma");
    /// ```
    pub fn at(text: &[u8], offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        Self { line, column, reason: reason.into() }
    }

    /// Returns the error in `text` for an error that serde_json found in the part of it that begins
    /// at `offset`.
    pub(super) fn within(text: &str, offset: usize, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let reason = message.strip_suffix(&position).unwrap_or(&message).to_string();
        Self { line, column: column.max(1), reason: reason.into() }.moved(text.as_bytes(), offset)
    }

    /// Returns the error in `text` for an error in the part of it that begins at `offset`.
    pub(crate) fn moved(self, text: &[u8], offset: usize) -> Self {
        let start = Self::at(text, offset, self.reason);
        match self.line {
            0 | 1 => Self { column: start.column + self.column - 1, ..start },
            line => Self { line: start.line + line - 1, column: self.column, ..start },
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, reason } = self;
        write!(f, "line {line}, column {column}: {reason}")
    }
}

impl core::error::Error for SyntaxError {}

/// A position in a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in bytes, counted from 1.
    pub column: usize,
}

impl From<&SyntaxError> for Position {
    fn from(error: &SyntaxError) -> Self {
        Self { line: error.line, column: error.column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_line_and_a_column() {
        let text = b"ab\n\nc";
        for (offset, expected) in
            [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (5, (3, 2)), (9, (3, 2))]
        {
            let error = SyntaxError::at(text, offset, "a reason");
            assert_eq!((error.line, error.column), expected, "{offset}");
        }
        let error = SyntaxError::at(text, 4, "a reason");
        assert_eq!(error.to_string(), "line 3, column 1: a reason");
    }

    #[test]
    fn an_error_in_a_part_is_an_error_in_the_whole() {
        let whole = b"[\n [1,\n  x] ]";
        let part = &whole[3..];
        for offset in 0..part.len() {
            let error = SyntaxError::at(part, offset, "a reason").moved(whole, 3);
            assert_eq!(error, SyntaxError::at(whole, offset + 3, "a reason"), "{offset}");
        }
    }
}
