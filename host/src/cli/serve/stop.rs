//! Signals that stop the server.

use std::io;

use tokio_util::sync::CancellationToken;

/// Returns a token that the first SIGINT or SIGTERM cancels.
pub fn on_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let signal = signal()?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        signal.await;
        tracing::info!("stopping");
        stopping.cancel();
    });
    Ok(stop)
}

#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
