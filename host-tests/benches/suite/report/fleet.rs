//! The requests that a cluster receives from a fleet of mirrors, by second.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::drawing::IntoDrawingArea;
use plotters::element::PathElement;
use plotters::series::LineSeries;
use plotters::style::Color;

use super::palette::{BACKGROUND, GRID, OURS, TEXT, THIRD};
use crate::failure::{Failure, Outcome};
use crate::fleet::Fleet;

/// The seconds that one point of the plot is the mean of.
const WINDOW: usize = 5;

/// Draws the plot, as SVG.
pub fn draw(fleets: &[Fleet]) -> Outcome<String> {
    let mut svg = String::new();
    plot(&mut svg, fleets).map_err(|error| Failure::from(error.to_string()))?;
    Ok(svg)
}

fn plot(svg: &mut String, fleets: &[Fleet]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (960, 320)).into_drawing_area();
    area.fill(&BACKGROUND)?;
    let lines: Vec<_> = fleets.iter().map(points).collect();
    let seconds = fleets.iter().map(|fleet| fleet.requests.len()).max().unwrap_or(0);
    let most = lines.iter().flatten().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "requests per second at the cluster, which is down from 600 s to 1200 s",
            ("sans-serif", 16),
        )
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..seconds as f64, 0.0..most * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .x_label_formatter(&|second| format!("{second:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .bold_line_style(GRID)
        .light_line_style(BACKGROUND)
        .axis_style(TEXT)
        .draw()?;
    for ((fleet, line), colour) in fleets.iter().zip(lines).zip([OURS, THIRD]) {
        let name = match fleet.relays {
            0 => "each mirror asks the cluster".to_owned(),
            relays => format!("each asks one of {relays} mirrors that do"),
        };
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(BACKGROUND)
        .border_style(GRID)
        .draw()?;
    area.present()?;
    Ok(())
}

/// The points of a line: a moment, and the mean rate around it.
fn points(fleet: &Fleet) -> Vec<(f64, f64)> {
    let windows = fleet.requests.chunks(WINDOW).enumerate();
    let mean = |window: &[u64]| window.iter().sum::<u64>() as f64 / window.len() as f64;
    windows.map(|(index, window)| ((index * WINDOW) as f64, mean(window))).collect()
}
