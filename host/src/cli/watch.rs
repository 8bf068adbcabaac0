//! `watch`: prints the changes of a catalog.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use ccs_modules::lookup::find_modules;
use ccs_modules::{Limits, Snapshot};
use clap::Args;
use tokio::time::{Instant, sleep_until};

use super::duration::Timeout;
use super::module_name::ModuleName;
use super::{Failure, Format, StoreAddress, diff, print, service, terminal};

/// The arguments of `watch`.
#[derive(Args)]
pub struct Watch {
    /// The store, see `ccs-modules help stores`.
    #[arg(long, value_name = "STORE")]
    store: StoreAddress,
    /// The time between two looks at the store.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    refresh: Timeout,
    /// Ends as soon as the catalog has such a module: `search`, `search@8`.
    #[arg(long, value_name = "NAME[@VERSION]")]
    until: Option<ModuleName>,
    /// Ends with an error after this time.
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Timeout>,
    /// The form of the changes; `json` is one line for each time when the catalog has changed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints what changes in the store, as `diff` does, until it is interrupted. A store that fails is
/// reported once, and asked again.
pub async fn run(arguments: &Watch) -> Result<Vec<u8>, Failure> {
    let Watch { store, refresh, until, timeout, format } = arguments;
    let watching = watch(store, refresh, until.as_ref(), *format);
    let Some(Timeout { 0: time }) = timeout else {
        return watching.await;
    };
    tokio::time::timeout(*time, watching).await.unwrap_or_else(|_| {
        let awaited = until.as_ref().map(|module| format!(" without {module}"));
        Err(Failure::Other(format!("{}{} passed", Timeout::of(*time), awaited.unwrap_or_default())))
    })
}

/// The time that the store has to answer.
const TIME: Duration = Duration::from_secs(60);

async fn watch(
    store: &StoreAddress,
    refresh: &Timeout,
    until: Option<&ModuleName>,
    format: Format,
) -> Result<Vec<u8>, Failure> {
    let ccs = store.ccs(service::limits(TIME))?;
    let mut kept: Option<Snapshot> = None;
    let mut failure = None;

    loop {
        let next = Instant::now() + refresh.0;
        match diff::snapshot(&*ccs).await {
            Ok(now) => {
                if failure.take().is_some() {
                    report("the store answers again");
                }
                if let Some(before) = &kept {
                    print_changes(before, &now, format)?;
                }
                if has(&now, until)? {
                    return Ok(Vec::new());
                }
                kept = Some(now);
            }
            Err(error) => {
                let text = error.to_string();
                if failure.as_ref() != Some(&text) {
                    report(&format!("error: {text}"));
                }
                failure = Some(text);
            }
        }

        if !is_read() {
            return Ok(Vec::new());
        }
        sleep_until(next).await;
    }
}

/// Whether standard output is still read, so that `watch | head -1` ends.
#[cfg(unix)]
fn is_read() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = rustix::stdio::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let polled = poll(&mut fds, Some(&Timespec::default()));
    polled.is_err() || !fds.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
}

/// On other systems, a closed pipe shows only when something is written.
#[cfg(not(unix))]
fn is_read() -> bool {
    true
}

/// Prints how a catalog differs from the one before, after the time.
fn print_changes(before: &Snapshot, now: &Snapshot, format: Format) -> Result<(), Failure> {
    let differences = before.differences(now).map_err(Failure::other)?;
    if differences.is_empty() {
        return Ok(());
    }
    let time = humantime::format_rfc3339_seconds(SystemTime::now());
    print(&match format {
        Format::Table => [format!("{time}\n").into_bytes(), diff::lines(&differences)].concat(),
        Format::Json => diff::json(&differences, Some(&time))?,
    })
}

/// Whether the catalog has the module that is waited for.
fn has(catalog: &Snapshot, module: Option<&ModuleName>) -> Result<bool, Failure> {
    let Some(ModuleName { name, version }) = module else {
        return Ok(false);
    };
    let step = find_modules(&["admin"], name, version.as_deref(), &Limits::default());
    Ok(!catalog.answer(step).map_err(Failure::other)?.is_empty())
}

/// Reports what happens to the store, with the time. If standard error is closed, there is nowhere to
/// report it.
fn report(text: &str) {
    let time = humantime::format_rfc3339_seconds(SystemTime::now());
    let _ = writeln!(io::stderr(), "{time} {}", terminal::escaped(text));
}
