//! What is wrong with a text, and where.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// Text that is not what it should be, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyntaxError {
    /// The byte at which it shows, counted from 0.
    pub offset: usize,
    /// What was found, and what should be there.
    pub reason: Cow<'static, str>,
}

impl SyntaxError {
    /// An error at `offset`.
    pub fn new(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, reason: reason.into() }
    }

    /// The error in words.
    pub fn text(&self) -> String {
        ["byte ", &decimal(self.offset), ": ", &self.reason].concat()
    }

    /// The line and the column (in bytes) of the error in `text`, both counted from 1.
    ///
    /// ```
    /// let text = b"[\n  {} {}]";
    /// let error = ccs_modules_json::rewrite(text, 2).unwrap_err();
    /// assert_eq!(error.line_and_column(text), (2, 6));
    /// ```
    pub fn line_and_column(&self, text: &[u8]) -> (usize, usize) {
        let before = text.get(..self.offset).unwrap_or(text);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        (line, column)
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl core::error::Error for SyntaxError {}

/// A text that somebody else chose, fit for a message: its start, on one line.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 512;
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(LONGEST).map(printable).collect()
}

/// A number in decimal digits. `format!` does the same with machinery that makes a small component
/// a tenth larger.
pub fn decimal(number: usize) -> String {
    let mut digits = if number < 10 { String::new() } else { decimal(number / 10) };
    digits.push(char::from(b'0' + (number % 10) as u8));
    digits
}
