//! A row of the table: one measurement.

use serde::Serialize;

/// One measurement, beside its twin.
#[derive(Serialize)]
pub struct Row {
    /// The part of the suite it belongs to.
    pub section: &'static str,
    pub name: String,
    pub ours: Quantity,
    pub twin: Option<Twin>,
    /// The ratio of ours to the twin.
    pub ratio: Option<f64>,
    pub bars: Vec<Bar>,
}

#[derive(Serialize)]
pub struct Twin {
    pub name: String,
    pub value: Quantity,
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "unit", content = "value", rename_all = "snake_case")]
pub enum Quantity {
    Bytes(f64),
    PerSecond(f64),
    Seconds(f64),
    /// A ratio: so many times another measurement.
    Times(f64),
}

/// The target of a measurement, and whether it is met.
#[derive(Serialize)]
pub struct Bar {
    /// The target, in the words of the table.
    pub aim: String,
    pub met: bool,
}

/// A target.
#[derive(Clone, Copy)]
pub enum Aim {
    /// At most this quantity.
    AtMost(Quantity),
    /// At most this ratio to the twin.
    RatioAtMost(f64),
    /// At least this ratio to the twin.
    RatioAtLeast(f64),
}

impl Row {
    pub fn new(section: &'static str, name: impl Into<String>, ours: Quantity) -> Self {
        Self { section, name: name.into(), ours, twin: None, ratio: None, bars: Vec::new() }
    }

    pub fn beside(mut self, name: impl Into<String>, value: Quantity) -> Self {
        self.ratio = Some(self.ours.value() / value.value());
        self.twin = Some(Twin { name: name.into(), value });
        self
    }

    pub fn aims(mut self, aims: &[Aim]) -> Self {
        self.bars = aims.iter().map(|aim| aim.bar(&self)).collect();
        self
    }
}

impl Quantity {
    pub fn value(self) -> f64 {
        match self {
            Self::Bytes(value)
            | Self::PerSecond(value)
            | Self::Seconds(value)
            | Self::Times(value) => value,
        }
    }

    /// The quantity with its unit, as text.
    pub fn text(self) -> String {
        match self {
            Self::Bytes(bytes) if bytes < 1e6 => thousands(bytes),
            Self::Bytes(bytes) => format!("{:.1} MiB", bytes / f64::from(1 << 20)),
            Self::PerSecond(rate) => format!("{}/s", thousands(rate)),
            Self::Seconds(seconds) if seconds < 1e-6 => format!("{:.0} ns", seconds * 1e9),
            Self::Seconds(seconds) if seconds < 1e-4 => format!("{:.2} µs", seconds * 1e6),
            Self::Seconds(seconds) if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
            Self::Seconds(seconds) if seconds < 10.0 => format!("{:.1} ms", seconds * 1e3),
            Self::Seconds(seconds) => format!("{seconds:.0} s"),
            Self::Times(times) => format!("{times:.2}×"),
        }
    }
}

impl Aim {
    fn bar(self, row: &Row) -> Bar {
        let ratio = row.ratio.unwrap_or(f64::NAN);
        let (aim, met) = match self {
            Self::AtMost(most) => (format!("≤ {}", most.text()), row.ours.value() <= most.value()),
            Self::RatioAtMost(most) => (format!("ratio ≤ {most}"), ratio <= most),
            Self::RatioAtLeast(least) => (format!("ratio ≥ {least}"), ratio >= least),
        };
        Bar { aim, met }
    }
}

/// Writes a whole number in groups of three digits.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| group.escape_ascii().to_string());
    let first = (first > 0).then(|| digits[..first].to_owned());
    first.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// The median of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
