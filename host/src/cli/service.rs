//! The plugin for one command.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ccs_modules_host::{CallLimits, Caller, Plugin, Request, Service, artifacts};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Failure, StoreAddress, TimeOption};

/// A load that takes longer than this compiles the component, which a person notices.
const NOTICEABLE: Duration = Duration::from_millis(100);

/// The limits of a command that makes one call at a time: all the memory that an instance can have, and
/// the time that a large catalog takes.
pub fn limits(store_timeout: Duration) -> CallLimits {
    CallLimits {
        instances: 1,
        memory: u32::MAX as usize,
        store_bytes: 1 << 30,
        store_timeout,
        timeout: Duration::from_secs(600),
    }
}

/// Loads the plugin over the store at `address`.
pub async fn open(address: &StoreAddress, time: TimeOption) -> Result<Service, Failure> {
    address.open(&load(limits(time.timeout.0)).await?)
}

/// Loads the plugin, and prints a note for a person if that takes long.
pub async fn load(limits: CallLimits) -> Result<Plugin, Failure> {
    let mut loading = spawn_blocking(move || Plugin::load(&artifacts::PLUGIN.wasm, limits));
    let loaded = tokio::select! {
        loaded = &mut loading => loaded,
        () = sleep(NOTICEABLE) => {
            say("compiling a component; the next start will be faster");
            loading.await
        }
    };
    loaded.map_err(Failure::other)?.map_err(Failure::other)
}

/// Returns the body of the response to `GET target`.
pub async fn body(service: &Service, target: String, roles: &[String]) -> Result<Vec<u8>, Failure> {
    let request = Request {
        method: "GET".into(),
        target,
        headers: Vec::new(),
        caller: Caller::Authenticated(roles.to_vec()),
    };
    let response = service.handle(&request).await?;
    match response.status {
        200 => Ok(response.body.into_bytes()),
        _ => Err(Failure::from_response(&response)),
    }
}

/// Encodes a text for a path or a query.
pub fn percent_encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// Shows progress to a person, so only on a terminal.
fn say(progress: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // A failure to show progress does not matter.
        let _ = writeln!(stderr, "{progress}");
    }
}
