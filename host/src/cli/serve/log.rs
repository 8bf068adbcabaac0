//! The log of the server.

use std::io;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Failure;

/// The form of a line of the log.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs, one object for each line.
    Json,
}

/// Starts to log to standard error.
pub fn start(level: LevelFilter, format: Format) -> Result<(), Failure> {
    let lines = layer().with_writer(io::stderr).with_target(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    // Of libraries only warnings and errors: other messages could contain data of clients.
    let others = level.min(LevelFilter::WARN);
    let levels = Targets::new().with_target("ccs_modules", level).with_default(others);
    tracing_subscriber::registry().with(lines).with(levels).try_init().map_err(Failure::other)
}
