//! The table.

use comfy_table::presets;
use comfy_table::{CellAlignment, Table};

use crate::row::Row;

/// A line for each row.
pub fn of(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "what", "median", "beside", "its median", "ratio", "aim"]);
    for row in rows {
        let twin = row.twin.as_ref();
        table.add_row([
            row.section.to_owned(),
            row.name.clone(),
            row.ours.text(),
            twin.map(|twin| twin.name.clone()).unwrap_or_default(),
            twin.map(|twin| twin.value.text()).unwrap_or_default(),
            row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            aims(row),
        ]);
    }
    for numbers in [2, 4, 5] {
        if let Some(column) = table.column_mut(numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn aims(row: &Row) -> String {
    let verdict = |met| if met { "met" } else { "NOT MET" };
    let bars = row.bars.iter().map(|bar| format!("{}: {}", bar.aim, verdict(bar.met)));
    bars.collect::<Vec<_>>().join("; ")
}
