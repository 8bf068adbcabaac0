//! Colours. The background is opaque, so that a plot can be read on a dark page too.

use plotters::style::RGBColor;

pub const BACKGROUND: RGBColor = RGBColor(255, 255, 255);
pub const GRID: RGBColor = RGBColor(216, 222, 228);
pub const OURS: RGBColor = RGBColor(9, 105, 218);
pub const TEXT: RGBColor = RGBColor(36, 41, 47);
pub const THIRD: RGBColor = RGBColor(188, 76, 0);
pub const TWIN: RGBColor = RGBColor(140, 149, 159);
