//! The plugin, ready to be called.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ccs_modules_host::{Bounds, Host, Request, Service, artifacts};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Failure, StoreAddress};

/// A load that takes longer than this compiles, and is long enough to be noticed.
const NOTICEABLE: Duration = Duration::from_millis(100);

/// The plugin over the store at `address`.
pub async fn open(address: &StoreAddress) -> Result<Service, Failure> {
    Ok(address.open(&load(Bounds::default()).await?))
}

/// The plugin, loaded.
pub async fn load(bounds: Bounds) -> Result<Host, Failure> {
    let mut loading = spawn_blocking(move || Host::load(&artifacts::PLUGIN.wasm, bounds));
    let loaded = tokio::select! {
        loaded = &mut loading => loaded,
        () = sleep(NOTICEABLE) => {
            say("compiling the component, once");
            loading.await
        }
    };
    loaded.map_err(Failure::other)?.map_err(Failure::other)
}

/// The body that the REST API answers `GET target` with.
pub async fn body(service: &Service, target: String, roles: &[String]) -> Result<Vec<u8>, Failure> {
    let request =
        Request { method: "GET".into(), target, headers: Vec::new(), roles: Some(roles.to_vec()) };
    let response = service.handle(&request).await?;
    match response.status {
        200 => Ok(response.body),
        _ => Err(Failure::from_response(&response)),
    }
}

/// Tells a person who is waiting; a log has no use for it.
fn say(progress: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // It is only a courtesy.
        let _ = writeln!(stderr, "{progress}");
    }
}
