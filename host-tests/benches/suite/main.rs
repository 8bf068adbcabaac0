//! The benchmark suite: the cost of a call, in parts, each row beside its native twin in the same
//! run.

#![forbid(unsafe_code)]

mod axum_service;
mod calls;
mod cold;
mod context;
mod effort;
mod environment;
mod failure;
mod first_build;
mod fleet;
mod growth;
mod load;
mod nginx;
mod process;
mod report;
mod row;
mod size;
mod socket;
mod start;
mod timing;
mod wasi;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::context::Context;
use crate::effort::Effort;
use crate::failure::Outcome;
use crate::report::Report;
use crate::timing::Clock;

/// Measures the cost of a call, beside the cost of native code.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The parts to measure. Default: all of them.
    parts: Vec<Part>,
    /// Measure every row once and briefly, to see that the suite works. The numbers mean nothing.
    #[arg(long, global = true)]
    quick: bool,
    /// An option that cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Again>,
}

/// A part of the suite.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The core natively; the component warm, fresh and typed; the start of an instance.
    Calls,
    /// Time and memory of 10 to 100,000 modules.
    Growth,
    /// The time of a process to its first answer.
    Cold,
    /// `serve` over a socket, beside axum and nginx.
    Serve,
    /// `wasmtime serve`, beside a component with wstd.
    Wasi,
    /// The bytes of the artifacts.
    Size,
    /// The processor time of the first build, beside wasmtime alone.
    Build,
    /// The requests of 10,000 mirrors through an outage, on virtual time.
    Fleet,
}

/// The roles that this program has when it starts itself.
#[derive(Subcommand)]
enum Again {
    /// Plays one role in a measurement, alone in a process.
    #[command(subcommand, hide = true)]
    Role(Role),
}

#[derive(Subcommand)]
enum Role {
    /// Answers once, like a native program.
    Answer { what: String },
    /// Serves, like a native service.
    Axum,
    /// Measures the time of one part.
    Measure { part: Part, estimates: PathBuf },
    /// Measures the memory of one list.
    Memory { modules: usize, side: String },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let done = match &arguments.role {
        None => suite(&arguments),
        Some(Again::Role(role)) => role.play(effort),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the parts and prints the report.
fn suite(arguments: &Arguments) -> Outcome<()> {
    // Only the results of a whole run are kept.
    let is_kept = arguments.parts.is_empty() && !arguments.quick;
    let context = Context::new(arguments.quick)?;
    let mut report = Report::new()?;
    if is_kept {
        report.check_quiet()?;
    }
    for part in Part::value_variants() {
        if !arguments.parts.is_empty() && !arguments.parts.contains(part) {
            continue;
        }
        eprintln!("measuring {}", part.name());
        report.rows.extend(match part {
            Part::Calls => calls::rows(&context)?,
            Part::Growth => {
                let (rows, points) = growth::rows(&context)?;
                report.growth = points;
                rows
            }
            Part::Cold => cold::rows(&context)?,
            Part::Serve => socket::rows(&context)?,
            Part::Wasi => wasi::rows(&context)?,
            Part::Size => size::rows(),
            Part::Build => first_build::rows(&context)?,
            Part::Fleet => {
                report::keep_fleet(&fleet::simulate())?;
                Vec::new()
            }
        });
    }
    println!("{}", report.text());
    if is_kept {
        report.keep()?;
    }
    Ok(())
}

impl Role {
    fn play(&self, effort: Effort) -> Outcome<()> {
        match self {
            Self::Answer { what } => cold::answer(what),
            Self::Axum => axum_service::serve()?,
            Self::Measure { part, estimates } => {
                let mut clock = Clock::new(estimates, effort);
                match part {
                    Part::Growth => growth::measure(&mut clock, effort)?,
                    _ => calls::measure(&mut clock)?,
                }
            }
            Self::Memory { modules, side } => growth::measure_memory(*modules, side)?,
        }
        Ok(())
    }
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
