//! Files of a running server, which are read again when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ccs_modules::access;
use ccs_modules_host::files;
use ccs_modules_host::server::{ClientCa, Reload, Tls};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::access::authenticator;
use super::tls::Certificate;
use crate::cli::{Failure, StoreAddress};

/// The files of a server, without its store. The contents that were read last are in use.
pub struct WatchedFiles {
    access: Option<Watched<1>>,
    certificate: Option<Watched<2>>,
    client_ca: Option<Watched<1>>,
    hangup: Hangup,
}

/// The time between two looks at the files. They are short, so their contents are compared, which finds
/// changes that keep the time and the length.
const INTERVAL: Duration = Duration::from_secs(1);

impl WatchedFiles {
    /// Reads the files. From now on, SIGHUP does not end the process.
    pub fn new(access: Option<&Path>, certificate: &Certificate) -> io::Result<Self> {
        let pair = certificate.files().map(|(certificate, key)| [certificate, key]);
        Ok(Self {
            access: access.map(|path| Watched::new([path])),
            certificate: pair.map(Watched::new),
            client_ca: certificate.client_ca().map(|path| Watched::new([path])),
            hangup: Hangup::new()?,
        })
    }

    /// The access policy of the file; `None` if there is no such file.
    pub fn access(&self) -> Result<Option<access::Access>, Failure> {
        self.access.as_ref().map(access).transpose()
    }

    /// The certificate of the files; `None` if there are no such files.
    pub fn tls(&self) -> Result<Option<Tls>, Failure> {
        self.certificate.as_ref().map(tls).transpose()
    }

    /// The authorities of clients of the file; `None` if there is no such file.
    pub fn client_ca(&self) -> Result<Option<ClientCa>, Failure> {
        self.client_ca.as_ref().map(client_ca).transpose()
    }

    /// Reads the files again when they have changed, and all of them at SIGHUP. If a file cannot be used,
    /// that is logged, and its last content stays in use.
    pub async fn reload_into(mut self, reload: Reload, store: StoreAddress) {
        let mut look = interval(INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let all = tokio::select! {
                _ = look.tick() => false,
                () = self.hangup.recv() => true,
            };
            if all {
                tracing::info!("reading the access policy and the certificates again");
            }

            if let Some(access) = &mut self.access
                && (access.has_changed().await || all)
            {
                let access = self::access(access);
                let sees_certificates = self.client_ca.is_some();
                let made =
                    access.and_then(|access| authenticator(access, &store, sees_certificates));
                reload.replace_access(made);
            }
            if let Some(certificate) = &mut self.certificate
                && (certificate.has_changed().await || all)
            {
                reload.replace_tls(tls(certificate));
            }
            if let Some(authorities) = &mut self.client_ca
                && (authorities.has_changed().await || all)
            {
                reload.replace_client_ca(client_ca(authorities));
            }
        }
    }
}

/// Files that are used together, as they were read last.
struct Watched<const N: usize> {
    paths: [PathBuf; N],
    /// The contents, or the reasons why they cannot be read.
    texts: [Result<Vec<u8>, String>; N],
}

impl<const N: usize> Watched<N> {
    fn new(paths: [&Path; N]) -> Self {
        let paths = paths.map(Path::to_owned);
        Self { texts: read(&paths), paths }
    }

    /// Reads the files again. Returns whether they differ from before.
    async fn has_changed(&mut self) -> bool {
        let paths = self.paths.clone();
        // A file system that hangs keeps no worker of the server.
        let Ok(texts) = spawn_blocking(move || read(&paths)).await else { return false };
        let has_changed = texts != self.texts;
        self.texts = texts;
        has_changed
    }
}

fn read<const N: usize>(paths: &[PathBuf; N]) -> [Result<Vec<u8>, String>; N] {
    paths.each_ref().map(|path| files::read(path).map_err(|error| error.to_string()))
}

fn access(
    Watched { paths: [path], texts: [text] }: &Watched<1>,
) -> Result<access::Access, Failure> {
    let text = text.as_ref().map_err(Failure::other)?;
    access::Access::parse(text)
        .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))
}

fn tls(Watched { paths, texts: [chain, key] }: &Watched<2>) -> Result<Tls, Failure> {
    let (chain, key) =
        (chain.as_ref().map_err(Failure::other)?, key.as_ref().map_err(Failure::other)?);
    Certificate::parse(paths, chain, key)
}

fn client_ca(Watched { paths: [path], texts: [text] }: &Watched<1>) -> Result<ClientCa, Failure> {
    let text = text.as_ref().map_err(Failure::other)?;
    ClientCa::from_pem(text).map_err(|error| Failure::Other(error.named(path, path)))
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

    /// Other systems have no SIGHUP.
    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self())
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        std::future::pending().await
    }
}
