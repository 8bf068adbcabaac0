//! The log.

use std::io;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Failure;

/// How a line of the log is written.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// Logs to standard error from now on.
pub fn start(level: LevelFilter, format: Format) -> Result<(), Failure> {
    let lines = layer().with_writer(io::stderr).with_target(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    // Of others only what is wrong: what they say beyond that could hold what clients send.
    let others = level.min(LevelFilter::WARN);
    let levels = Targets::new().with_target("ccs_modules", level).with_default(others);
    tracing_subscriber::registry().with(lines).with(levels).try_init().map_err(Failure::other)
}
