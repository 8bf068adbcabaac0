//! The log of the server.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::ValueEnum;
use tokio::time::sleep;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Failure, terminal};

/// The form of a line of the log.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs, one object for each line.
    Json,
}

/// Starts to log to standard error. What was logged is written before the result is dropped.
///
/// A thread of its own writes the lines, so that a reader of the log that stalls delays nothing else.
/// Lines for which there is no room any more are dropped, and counted.
pub fn start(level: LevelFilter, format: Format) -> Result<WorkerGuard, Failure> {
    let output = Together(BufWriter::with_capacity(AT_ONCE, io::stderr()));
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).finish(output);
    let dropped = writer.error_counter();
    let lines = layer().with_writer(move || Escaped(writer.clone())).with_target(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };

    // Of libraries only warnings and errors: other messages could contain data of clients.
    let others = level.min(LevelFilter::WARN);
    let levels = Targets::new().with_target("ccs_modules", level).with_default(others);
    tracing_subscriber::registry().with(lines).with(levels).try_init().map_err(Failure::other)?;
    tokio::spawn(report(dropped));
    Ok(guard)
}

/// The output of lines that come together, which are written together: the thread flushes when there is no
/// further line.
struct Together(BufWriter<io::Stderr>);

impl Write for Together {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    /// Fails never: the thread would not end after an error at the end.
    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// The bytes that are written at once, in whole lines. A pipe does not mix them with what others write
/// (pipe(7), `PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// A writer of lines that shows control characters as escapes: a value could contain what looks like
/// another line, or controls the terminal.
struct Escaped(NonBlocking);

impl Write for Escaped {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
        self.0.write_all(format!("{}\n", terminal::escaped_line(&text)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Logs, for ever, how many lines were dropped since the last report.
async fn report(dropped: ErrorCounter) {
    let mut reported = 0;
    loop {
        sleep(PAUSE).await;
        let lines = dropped.dropped_lines();
        if lines > reported {
            tracing::warn!(lines = lines - reported, "lines of the log are lost: nobody read them");
        }
        reported = lines;
    }
}

/// The time between two reports.
const PAUSE: Duration = Duration::from_secs(10);
