//! `watch`: prints the changes of a catalog.

use std::io::{self, Write as _};

use ccs_modules::lookup::find_modules;
use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::{CallLimits, Ccs};
use clap::Args;
use tokio::time::{Instant, sleep_until};

use super::duration::Timeout;
use super::module_name::ModuleName;
use super::{Failure, StoreAddress, diff, print, terminal};

/// The arguments of `watch`.
#[derive(Args)]
pub struct Watch {
    /// The store, as for `list`.
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
}

/// Prints what changes in the store, as `diff` does, until it is interrupted. A store that fails is
/// reported once, and asked again.
pub async fn run(arguments: &Watch) -> Result<Vec<u8>, Failure> {
    let Watch { store, refresh, until, timeout } = arguments;
    let watching = watch(store, refresh, until.as_ref());
    let Some(Timeout { 0: time }) = timeout else {
        return watching.await;
    };
    tokio::time::timeout(*time, watching).await.unwrap_or_else(|_| {
        let awaited = until.as_ref().map(|module| format!(" without {module}"));
        Err(Failure::Other(format!("{}{} passed", Timeout::of(*time), awaited.unwrap_or_default())))
    })
}

async fn watch(
    store: &StoreAddress,
    refresh: &Timeout,
    until: Option<&ModuleName>,
) -> Result<Vec<u8>, Failure> {
    let ccs = store.ccs(CallLimits::default())?;
    let mut kept: Option<Snapshot> = None;
    let mut failure = None;
    loop {
        let next = Instant::now() + refresh.0;
        match look(&*ccs, kept.as_ref(), until).await {
            Ok((snapshot, found)) => {
                (kept, failure) = (Some(snapshot), None);
                if found {
                    return Ok(Vec::new());
                }
            }
            Err(error) => {
                let text = error.to_string();
                if failure.as_ref() != Some(&text) {
                    // If standard error is closed, there is nowhere to report the error.
                    let _ = writeln!(io::stderr(), "error: {}", terminal::escaped(&text));
                }
                failure = Some(text);
            }
        }
        sleep_until(next).await;
    }
}

/// Reads the catalog, prints how it differs from the one before, and tells whether it has the module
/// that is waited for.
async fn look(
    ccs: &dyn Ccs,
    before: Option<&Snapshot>,
    until: Option<&ModuleName>,
) -> Result<(Snapshot, bool), Failure> {
    let now = diff::snapshot(ccs).await?;
    if let Some(before) = before {
        print(&diff::lines(&before.differences(&now).map_err(Failure::other)?))?;
    }
    let found = match until {
        Some(ModuleName { name, version }) => {
            let step = find_modules(&["admin"], name, version.as_deref(), &Limits::default());
            !now.answer(step).map_err(Failure::other)?.is_empty()
        }
        None => false,
    };
    Ok((now, found))
}
