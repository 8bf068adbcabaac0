//! TLS, as it is asked for on the command line.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ccs_modules_host::server::Tls;
use clap::Args;

use crate::cli::Failure;

/// Which certificate the server shows, if any.
#[derive(Args)]
pub struct Certificate {
    /// The certificate chain for TLS, PEM, the server's own certificate first.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// TLS with a new certificate that nobody else has signed.
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,
}

impl Certificate {
    /// Whether clients have no reason to trust it.
    pub fn is_self_signed(&self) -> bool {
        self.tls_self_signed
    }

    /// The certificate and its key, read or made.
    pub fn load(&self, listen: SocketAddr) -> Result<Option<Tls>, Failure> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Tls::from_pem(&read(certificates)?, &read(key)?),
            _ if self.tls_self_signed => {
                let ip = listen.ip().to_string();
                Tls::self_signed(&["localhost", "127.0.0.1", "::1", &ip])
            }
            _ => return Ok(None),
        };
        tls.map(Some).map_err(Failure::other)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", path.display())))
}
