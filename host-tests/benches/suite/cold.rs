//! The time of a process to its first answer: without and with the compiled code of an earlier
//! process. The twin is a native program that does the same with serde structs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use ccs_modules_benches::catalog;

use crate::calls::{structs_get, structs_list};
use crate::context::Context;
use crate::failure::Outcome;
use crate::process::run;
use crate::row::{Aim, Quantity, Row, median};

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    let command = context.command()?;
    let documents = catalog::demo();
    let uid = catalog::uid(catalog::middle(&documents));
    let cache = context.folder().join("cache");
    let mut rows = Vec::new();
    for (name, words) in [("get", vec!["get", &uid]), ("list", vec!["list"])] {
        let ours = || {
            let mut command = Command::new(&command);
            command
                .args(&words)
                .args(["--store", "demo", "--format", "json"])
                .env("XDG_CACHE_HOME", &cache);
            command
        };
        let (mut compiling, mut compiled, mut native) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..context.effort.starts {
            remove(&cache)?;
            compiling.push(time(&mut ours())?);
            compiled.push(time(&mut ours())?);
            native.push(time(&mut context.role(&["answer", name]))?);
        }
        let native = Quantity::Seconds(median(native));
        let row = |what: &str, times| {
            let name = format!("{name}, {what}");
            Row::new("cold", name, Quantity::Seconds(median(times)))
                .beside("a native program", native)
        };
        rows.push(row("compiled from nothing", compiling));
        rows.push(
            row("from compiled code", compiled).aims(&[Aim::AtMost(Quantity::Seconds(0.015))]),
        );
    }
    Ok(rows)
}

/// The twin: prints the same answer as the command, then ends.
pub fn answer(what: &str) {
    let documents = catalog::demo();
    let answer = match what {
        "list" => structs_list(&documents),
        _ => structs_get(catalog::middle(&documents)),
    };
    println!("{}", String::from_utf8_lossy(&answer));
}

/// The time from the start of a program to its end.
fn time(command: &mut Command) -> Outcome<f64> {
    let started = Instant::now();
    run(command)?;
    Ok(started.elapsed().as_secs_f64())
}

fn remove(folder: &Path) -> Outcome<()> {
    match folder.exists() {
        true => Ok(fs::remove_dir_all(folder)?),
        false => Ok(()),
    }
}
