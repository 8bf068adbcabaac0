//! A bar for each row and its twin, to the left of the middle line if ours costs less.

use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};

use super::palette::{BACKGROUND, GRID, OURS, TEXT, THIRD};
use crate::failure::{Failure, Outcome};
use crate::row::{Quantity, Row};

const WIDTH: i32 = 960;
const ROW: i32 = 24;
const TOP: i32 = 64;
const BOTTOM: i32 = 16;
/// The left and right ends of the longest bars.
const LEFT: i32 = 330;
const RIGHT: i32 = 690;
/// The largest ratio that is drawn; a bar of a larger one ends at the edge.
const MOST: f64 = 16.0;

/// The plot, as SVG.
pub fn draw(rows: &[Row]) -> Outcome<String> {
    let bars: Vec<_> = rows.iter().filter_map(Bar::of).collect();
    let height = TOP + ROW * i32::try_from(bars.len())? + BOTTOM;
    let mut svg = String::new();
    plot(&mut svg, &bars, height).map_err(|error| Failure::from(error.to_string()))?;
    Ok(svg)
}

/// A row that has a native twin doing the same work.
struct Bar {
    name: String,
    /// The cost of ours; that of the twin is 1.
    cost: f64,
    values: String,
}

impl Bar {
    fn of(row: &Row) -> Option<Self> {
        let twin = row.twin.as_ref()?;
        let same_work = ["document", "call", "serve", "wasmtime serve"].contains(&row.section)
            && twin.name.contains("serde")
            && twin.name != "serde_json::Value";
        let ratio = row.ratio.filter(|_| same_work)?;
        let cost = match row.ours {
            Quantity::PerSecond(_) => 1.0 / ratio,
            _ => ratio,
        };
        let name = match row.section {
            section @ ("serve" | "wasmtime serve") => format!("{section}: {}", row.name),
            _ => row.name.clone(),
        };
        let values = format!("{} beside {}", row.ours.text(), twin.value.text());
        Some(Self { name, cost, values })
    }
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn plot(svg: &mut String, bars: &[Bar], height: i32) -> Drawn {
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&BACKGROUND)?;
    let style = |size: i32, h, v| -> TextStyle<'static> {
        TextStyle::from(("sans-serif", size).into_font()).color(&TEXT).pos(Pos::new(h, v))
    };
    let title = "What ours costs, its native twin being 1 (shorter is better, logarithmic)";
    area.draw(&Text::new(title, (16, 14), style(16, HPos::Left, VPos::Top)))?;
    for tick in [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0] {
        let line = vec![(x(tick), TOP - 6), (x(tick), height - BOTTOM)];
        let colour = if tick == 1.0 { TEXT } else { GRID };
        area.draw(&PathElement::new(line, colour.stroke_width(1)))?;
        let label = format!("{tick}×");
        area.draw(&Text::new(label, (x(tick), TOP - 10), style(12, HPos::Center, VPos::Bottom)))?;
    }
    for (bar, top) in bars.iter().zip((TOP..).step_by(ROW.unsigned_abs() as usize)) {
        let colour = if bar.cost <= 1.0 { OURS } else { THIRD };
        let corners = [(x(1.0), top + 4), (x(bar.cost), top + ROW - 4)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        let middle = top + ROW / 2;
        let name = style(13, HPos::Right, VPos::Center);
        area.draw(&Text::new(bar.name.clone(), (LEFT - 12, middle), name))?;
        let values = style(12, HPos::Left, VPos::Center);
        area.draw(&Text::new(bar.values.clone(), (RIGHT + 12, middle), values))?;
    }
    area.present()?;
    Ok(())
}

/// The position of a cost.
fn x(cost: f64) -> i32 {
    let share = (cost.clamp(1.0 / MOST, MOST).log(MOST) + 1.0) / 2.0;
    LEFT + (f64::from(RIGHT - LEFT) * share).round() as i32
}
