//! Time, measured by criterion.
//!
//! Criterion is used and not divan, because it leaves its estimates in files that a program can
//! read. It measures one function after the other; on a machine that does other work too, the ratio
//! of two such numbers means little. So the sides of a comparison take turns, for several rounds,
//! and each side gets the median of its medians.

use std::fs;
use std::path::{Path, PathBuf};

use criterion::{Bencher, Criterion, SamplingMode};
use serde::Deserialize;

use crate::effort::Effort;
use crate::failure::Outcome;
use crate::row::{Quantity, median};

/// One side of a comparison.
pub type Side<'a> = (&'static str, Box<dyn FnMut(&mut Bencher<'_>) + 'a>);

/// The measuring side: it leaves its estimates in a folder.
pub struct Clock {
    criterion: Criterion,
    rounds: usize,
}

impl Clock {
    pub fn new(estimates: &Path, effort: Effort) -> Self {
        let criterion = Criterion::default()
            .output_directory(estimates)
            .sample_size(10)
            .warm_up_time(effort.turn / 5)
            .measurement_time(effort.turn)
            .without_plots();
        Self { criterion, rounds: effort.rounds }
    }

    /// Measures the sides in turns.
    pub fn compare(&mut self, comparison: &str, mut sides: Vec<Side<'_>>) {
        let mut group = self.criterion.benchmark_group(comparison);
        // All samples have the same length: otherwise criterion would run a function that takes a
        // second 55 times.
        group.sampling_mode(SamplingMode::Flat);
        for round in 0..self.rounds {
            for (name, side) in &mut sides {
                group.bench_function(turn(name, round), side);
            }
        }
        group.finish();
    }
}

/// The estimates in a folder, to be read.
pub struct Estimates {
    pub folder: PathBuf,
    pub effort: Effort,
}

impl Estimates {
    /// The time of one side.
    pub fn time(&self, comparison: &str, side: &str) -> Outcome<Quantity> {
        let medians: Outcome<Vec<f64>> = (0..self.effort.rounds)
            .map(|round| self.folder.join(comparison).join(turn(side, round)))
            .map(|folder| read(&folder.join("new/estimates.json")))
            .collect();
        Ok(Quantity::Seconds(median(medians?) / 1e9))
    }
}

/// The median that criterion found, in nanoseconds.
fn read(path: &Path) -> Outcome<f64> {
    #[derive(Deserialize)]
    struct File {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
    }
    let text =
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let file: File = serde_json::from_slice(&text)?;
    Ok(file.median.point_estimate)
}

fn turn(side: &str, round: usize) -> String {
    format!("{side}-{round}")
}
