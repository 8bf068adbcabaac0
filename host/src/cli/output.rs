//! Tables for people.

use comfy_table::{Table, presets};

use super::terminal;

/// Makes a table without lines between its cells, which `cut` and `awk` can read.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Formats the table: one line for each row, without space at the ends of lines.
pub fn text(table: &Table) -> Vec<u8> {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim());
        text.push('\n');
    }
    text.into_bytes()
}

/// Makes a cell, in which a document cannot control the terminal.
pub fn cell(text: &str) -> String {
    terminal::escaped_line(text)
}
