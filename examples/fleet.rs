//! Simulates a fleet of 10,000 mirrors through an outage of ten minutes, on virtual time: prints the
//! requests that the cluster receives, as figures, or by second with `--csv`.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // an example may panic

#[path = "../tests/fleet_model/mod.rs"]
mod fleet_model;

use fleet_model::{Run, run};

fn main() {
    let figures = run(&Run { mirrors: 10_000, seconds: 1800, outage: 600..1200 });
    if std::env::args().any(|argument| argument == "--csv") {
        println!("second,requests");
        for (second, requests) in figures.requests.iter().enumerate() {
            println!("{second},{requests}");
        }
        return;
    }
    let steady = figures.rate(300..600);
    println!("10,000 mirrors, a refresh every 30 s, an outage from 600 s to 1200 s");
    println!("{:<26}{:>10}{:>10}{:>10}", "", "mean/s", "peak/s", "of steady");
    for (name, seconds) in [
        ("start (1 s to 30 s)", 1..30),
        ("steady (300 s to 600 s)", 300..600),
        ("outage, first minute", 600..660),
        ("outage, after that", 660..1200),
        ("recovery, first minute", 1200..1260),
        ("recovery, after that", 1260..1800),
    ] {
        let (mean, peak) = (figures.rate(seconds.clone()), figures.peak(seconds));
        println!("{name:<26}{mean:>10.0}{peak:>10}{:>10.2}", peak as f64 / steady);
    }
    println!("mirrors without an answer: {}", figures.unanswered);
    println!("all fresh again after: {} s", figures.recovery);
}
