//! Files of a running server, which are read again when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ccs_modules_host::server::Reload;
use tokio::time::{MissedTickBehavior, interval};

use super::access;
use super::tls::Certificate;

/// The files that a server is made of, besides its store.
pub struct WatchedFiles {
    access: Option<PathBuf>,
    certificate: Certificate,
    /// The access policy as it was read last; `None` if all files are to be read again.
    access_seen: Option<Seen>,
    certificate_seen: Option<Seen>,
    hangup: Hangup,
}

/// The content of files, or the reason why it cannot be read.
type Seen = Result<Vec<u8>, String>;

/// The time between two looks at the files. They are short, so they are read and compared: that tells
/// versions apart which have the same time and length.
const INTERVAL: Duration = Duration::from_secs(1);

impl WatchedFiles {
    /// Takes the files as they are now for those that the server was started with. From now on, SIGHUP
    /// does not end the process.
    pub fn new(access: Option<PathBuf>, certificate: Certificate) -> io::Result<Self> {
        let access_seen = access.as_deref().map(read);
        let certificate_seen = certificate.files().map(read_pair);
        Ok(Self { access, certificate, access_seen, certificate_seen, hangup: Hangup::new()? })
    }

    /// Reads the files again when they have changed, and all of them at SIGHUP. A file that cannot be used
    /// changes nothing but the log.
    pub async fn reload_into(mut self, reload: Reload) {
        let mut look = interval(INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = self.hangup.recv() => {
                    tracing::info!("reading the access policy and the certificate again");
                    (self.access_seen, self.certificate_seen) = (None, None);
                }
            }
            self.reload_access(&reload);
            self.reload_certificate(&reload);
        }
    }

    fn reload_access(&mut self, reload: &Reload) {
        let Some(path) = self.access.as_deref() else { return };
        if !changed(&mut self.access_seen, read(path)) {
            return;
        }
        let file = path.display();
        match access::read(path) {
            Ok(policy) => {
                reload.replace_access(policy);
                tracing::info!(%file, "the access policy was read again");
            }
            Err(error) => tracing::error!(%error, "the access policy stays as it was"),
        }
    }

    fn reload_certificate(&mut self, reload: &Reload) {
        let Some((certificate, key)) = self.certificate.files() else { return };
        if !changed(&mut self.certificate_seen, read_pair((certificate, key))) {
            return;
        }
        let file = certificate.display();
        match Certificate::read(certificate, key) {
            Ok(tls) => {
                reload.replace_tls(&tls);
                tracing::info!(%file, "the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
}

/// Keeps what was found, and returns whether it differs from before.
fn changed(seen: &mut Option<Seen>, found: Seen) -> bool {
    let changed = seen.as_ref() != Some(&found);
    *seen = Some(found);
    changed
}

fn read(path: &Path) -> Seen {
    ccs_modules_host::files::read(path).map_err(|error| error.to_string())
}

fn read_pair((certificate, key): (&Path, &Path)) -> Seen {
    Ok([read(certificate)?, read(key)?].concat())
}

/// The signal SIGHUP.
struct Hangup(#[cfg(unix)] tokio::signal::unix::Signal);

impl Hangup {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        signal(SignalKind::hangup()).map(Self)
    }

    #[cfg(unix)]
    async fn recv(&mut self) {
        self.0.recv().await;
    }

    /// Other systems do not have it.
    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self())
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        std::future::pending().await
    }
}
