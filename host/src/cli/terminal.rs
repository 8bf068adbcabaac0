//! Text for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with its control characters written as JSON escapes: a document could otherwise move the
/// cursor, change the title of the window, or show a line that is not there. Line breaks of a line
/// stay.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// The same for text within a line: here a line break is escaped, too.
pub fn escaped_line(text: &str) -> String {
    escaped(text).replace('\n', "\\n")
}

/// Whether a terminal acts on the character instead of showing it: control characters but the line
/// break, and those that change the direction of the text.
fn is_harmful(character: char) -> bool {
    character != '\n' && character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_as_escapes() {
        for (text, shown) in [
            ("plain é \u{1f600}", "plain é \u{1f600}"),
            ("\u{1b}[2J", "\\u001b[2J"),
            ("\u{9b}2J\u{7f}\r\t", "\\u009b2J\\u007f\\u000d\\u0009"),
            ("a\nb", "a\nb"),
            ("\u{202e}txt", "\\u202etxt"),
        ] {
            assert_eq!(escaped(text), shown);
        }
        assert_eq!(escaped_line("a\nb\u{7}"), "a\\nb\\u0007");
    }
}
