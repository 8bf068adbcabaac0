//! The options for TLS.

use std::path::{Path, PathBuf};

use ccs_modules_host::files;
use ccs_modules_host::server::{Tls, TlsError};
use clap::Args;

use super::listen::ListenAddress;
use crate::cli::Failure;

/// The options that name the certificate of the server.
#[derive(Args, Clone)]
pub struct Certificate {
    /// The certificate chain for TLS, PEM, the server's own certificate first.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// TLS with a new certificate, signed by itself.
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,
}

impl Certificate {
    /// Whether the certificate is signed by nobody that clients trust.
    pub fn is_self_signed(&self) -> bool {
        self.tls_self_signed
    }

    /// The files of the certificate chain and of the key, if they are given.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.tls_cert.as_deref().zip(self.tls_key.as_deref())
    }

    /// Reads a certificate chain and its key.
    pub fn read(certificates: &Path, key: &Path) -> Result<Tls, Failure> {
        Tls::from_pem(&read(certificates)?, &read(key)?).map_err(|error| match error {
            TlsError::Certificate(reason) => named(certificates, &reason),
            TlsError::Key(reason) => named(key, &reason),
            error => Failure::other(format!("{}: {error}", certificates.display())),
        })
    }

    /// Reads the certificate and its key, or makes them.
    pub fn load(&self, listen: &ListenAddress) -> Result<Option<Tls>, Failure> {
        let tls = match self.files() {
            Some((certificates, key)) => Self::read(certificates, key)?,
            None if self.tls_self_signed => {
                let host = listen.host();
                Tls::self_signed(&["localhost", "127.0.0.1", "::1", &host])
                    .map_err(Failure::other)?
            }
            None => return Ok(None),
        };
        Ok(Some(tls))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path).map_err(Failure::other)
}

fn named(path: &Path, reason: &str) -> Failure {
    Failure::Other(format!("{}: {reason}", path.display()))
}
