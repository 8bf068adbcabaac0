//! The report of a benchmark run: a table for the terminal, and JSON and plots in files.

mod bars;
mod fleet;
mod lines;
mod palette;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use ccs_modules_benches::quiet;
use serde::Serialize;

use crate::environment::{self, Facts};
use crate::failure::Outcome;
use crate::fleet::Fleet;
use crate::growth::Point;
use crate::row::Row;

/// A benchmark run.
#[derive(Serialize)]
pub struct Report {
    machine: Facts,
    versions: Facts,
    flags: Facts,
    pub rows: Vec<Row>,
    pub growth: Vec<Point>,
}

impl Report {
    pub fn new() -> Outcome<Self> {
        Ok(Self {
            machine: environment::machine()?,
            versions: environment::versions()?,
            flags: environment::flags(),
            rows: Vec::new(),
            growth: Vec::new(),
        })
    }

    /// Fails if the machine was too busy for results that are kept.
    pub fn check_quiet(&self) -> Outcome<()> {
        let load = self.machine.get("load").map(|load| load.parse()).transpose()?;
        Ok(quiet::check(load.unwrap_or(f64::MAX))?)
    }

    /// The run as a table, with its environment.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", table::of(&self.rows));
        for (about, facts) in
            [("machine", &self.machine), ("versions", &self.versions), ("flags", &self.flags)]
        {
            let facts: Vec<_> =
                facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
            text += &format!("{about}: {}\n", facts.join("; "));
        }
        text
    }

    /// Writes `results/`, which the documentation shows.
    pub fn keep(&self) -> Outcome<()> {
        let folder = folder()?;
        fs::write(folder.join("latest.json"), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(folder.join("twins.svg"), bars::draw(&self.rows)?)?;
        fs::write(folder.join("growth.svg"), lines::draw(&self.growth)?)?;
        println!("written to {}", folder.display());
        Ok(())
    }
}

/// Writes the figures and the plot of the fleets into `results/`.
pub fn keep_fleet(fleets: &[Fleet]) -> Outcome<()> {
    let folder = folder()?;
    fs::write(folder.join("fleet.json"), serde_json::to_string(fleets)? + "\n")?;
    fs::write(folder.join("fleet.svg"), fleet::draw(fleets)?)?;
    println!("the fleet is written to {}", folder.display());
    Ok(())
}

fn folder() -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
