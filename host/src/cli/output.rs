//! Tables.

use comfy_table::{Table, presets};

/// A table without lines: easy on the eye, and on `cut` and `awk`.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// The table as text, one line a row, without space at the ends of lines.
pub fn text(table: &Table) -> Vec<u8> {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim());
        text.push('\n');
    }
    text.into_bytes()
}
