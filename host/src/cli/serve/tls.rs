//! The options for TLS.

use std::path::{Path, PathBuf};

use ccs_modules_host::files;
use ccs_modules_host::server::{Tls, TlsError};
use clap::Args;

use super::listen::ListenAddress;
use crate::cli::Failure;

/// The options that name the certificate of the server.
#[derive(Args)]
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

    /// Reads the certificate and its key, or makes them.
    pub fn load(&self, listen: &ListenAddress) -> Result<Option<Tls>, Failure> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Tls::from_pem(&read(certificates)?, &read(key)?)
                .map_err(|error| match error {
                    TlsError::Certificate(reason) => named(certificates, &reason),
                    TlsError::Key(reason) => named(key, &reason),
                    error => Failure::other(error),
                })?,
            _ if self.tls_self_signed => {
                let host = listen.host();
                Tls::self_signed(&["localhost", "127.0.0.1", "::1", &host])
                    .map_err(Failure::other)?
            }
            _ => return Ok(None),
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
