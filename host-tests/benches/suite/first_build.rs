//! The processor time of the first build of the command, as `cargo run` does it. The twin is a build of wasmtime
//! alone, with the same features and profile.

use std::fs;

use crate::context::{Context, cargo};
use crate::failure::Outcome;
use crate::process::run;
use crate::row::{Aim, Quantity, Row};

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    let [ours, twin] = context.effort.built;
    let row =
        Row::new("build", format!("{ours}, from nothing, processor time"), build(context, ours)?);
    Ok(vec![
        row.beside(format!("{twin} alone"), build(context, twin)?).aims(&[Aim::RatioAtMost(1.3)]),
    ])
}

/// Builds a package in an empty folder.
fn build(context: &Context, package: &str) -> Outcome<Quantity> {
    let folder = context.folder().join("first-build");
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--package", package]).env("CARGO_TARGET_DIR", &folder);
    // A cache of compiled packages would answer in place of the compiler.
    cargo.env_remove("RUSTC_WRAPPER");

    let before = time_of_children()?;
    run(&mut cargo)?;
    let time = time_of_children()? - before;
    fs::remove_dir_all(folder)?;
    Ok(Quantity::Seconds(time))
}

/// The processor time of all processes that this one has started and that have ended, in seconds (proc(5),
/// `cutime` and `cstime`).
fn time_of_children() -> Outcome<f64> {
    /// The unit of Linux for every program, whatever its own clock is.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program comes second, in parentheses, and may have spaces in it.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name in it")?;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}
