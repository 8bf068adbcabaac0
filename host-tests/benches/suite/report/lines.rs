//! Time and memory by the length of the catalog. Both axes are logarithmic, so that even growth is
//! a straight line.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::{Color, RGBColor};

use super::palette::{BACKGROUND, GRID, OURS, TEXT, THIRD, TWIN};
use crate::failure::{Failure, Outcome};
use crate::growth::Point;
use crate::row::Quantity;

/// The plot, as SVG.
pub fn draw(points: &[Point]) -> Outcome<String> {
    let mut svg = String::new();
    plot(&mut svg, points).map_err(|error| Failure::from(error.to_string()))?;
    Ok(svg)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line: its name, its colour, and the value that it takes from a point.
type Line = (&'static str, RGBColor, fn(&Point) -> f64);

fn plot(svg: &mut String, points: &[Point]) -> Drawn {
    let area = SVGBackend::with_string(svg, (960, 400)).into_drawing_area();
    area.fill(&BACKGROUND)?;
    let (time, memory) = area.split_horizontally(480);
    panel(
        &time,
        points,
        "time of a list",
        |seconds| Quantity::Seconds(seconds).text(),
        &[
            ("component, warm instance", OURS, |point| point.seconds),
            ("serde structs, native", TWIN, |point| point.twin_seconds),
        ],
    )?;
    panel(
        &memory,
        points,
        "memory of a list",
        |bytes| Quantity::Bytes(bytes).text(),
        &[
            ("host, guest included", THIRD, |point| point.memory.resident),
            ("guest", OURS, |point| point.memory.guest),
            ("the answer", TEXT, |point| point.memory.answer),
            ("serde structs, native", TWIN, |point| point.twin_resident),
        ],
    )?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &Area<'_>,
    points: &[Point],
    title: &str,
    label: fn(f64) -> String,
    lines: &[Line],
) -> Drawn {
    let values = || points.iter().flat_map(|point| lines.iter().map(|(.., of)| of(point)));
    let least = values().filter(|value| *value > 0.0).fold(f64::MAX, f64::min);
    let most = values().fold(0.0, f64::max);
    let modules = || points.iter().map(|point| point.modules as f64);
    let (fewest, longest) = (modules().fold(f64::MAX, f64::min), modules().fold(0.0, f64::max));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(76)
        .build_cartesian_2d(
            (fewest * 0.7..longest * 1.5).log_scale(),
            (least * 0.5..most * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("modules")
        .x_label_formatter(&|modules| format!("{modules:.0}"))
        .y_label_formatter(&|value| label(*value))
        .bold_line_style(GRID)
        .light_line_style(BACKGROUND)
        .axis_style(TEXT)
        .draw()?;
    for (name, colour, of) in lines {
        let at = |point: &Point| (point.modules as f64, of(point));
        let shown = || points.iter().map(at).filter(|(_, value)| *value > 0.0);
        chart
            .draw_series(LineSeries::new(shown(), colour.stroke_width(2)))?
            .label(*name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(shown().map(|at| Circle::new(at, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(BACKGROUND)
        .border_style(GRID)
        .draw()?;
    Ok(())
}
