//! The options for TLS.

use std::path::{Path, PathBuf};

use ccs_modules_host::server::Tls;
use clap::Args;

use super::listen::ListenAddress;
use crate::cli::Failure;

/// The options that name the certificate of the server.
#[derive(Args, Clone)]
pub struct Certificate {
    /// The certificate chain for TLS, PEM, the server's own certificate first.
    #[arg(long, value_name = "FILE", requires = "tls_key", group = "tls")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// TLS with a new certificate, signed by itself.
    #[arg(long, group = "tls")]
    tls_self_signed: bool,
    /// The authorities, PEM, whose certificates clients may show. The `subjects` of the access policy have their
    /// roles.
    #[arg(long, value_name = "FILE", requires = "tls")]
    client_ca: Option<PathBuf>,
}

impl Certificate {
    /// Whether the certificate is signed by itself, so that clients do not trust it.
    pub fn is_self_signed(&self) -> bool {
        self.tls_self_signed
    }

    /// The files of the certificate chain and of the key, if they are given.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.tls_cert.as_deref().zip(self.tls_key.as_deref())
    }

    /// The file of the authorities of clients, if it is given.
    pub fn client_ca(&self) -> Option<&Path> {
        self.client_ca.as_deref()
    }

    /// Parses a certificate chain and its key, which are the contents of these files.
    pub fn parse(paths: &[PathBuf; 2], chain: &[u8], key: &[u8]) -> Result<Tls, Failure> {
        let [chain_path, key_path] = paths;
        Tls::from_pem(chain, key).map_err(|error| Failure::Other(error.named(chain_path, key_path)))
    }

    /// Makes a certificate, if that is asked for.
    pub fn generate(&self, listen: &ListenAddress) -> Result<Option<Tls>, Failure> {
        if !self.tls_self_signed {
            return Ok(None);
        }
        let names = ["localhost", "127.0.0.1", "::1", &listen.host()];
        Tls::self_signed(&names).map(Some).map_err(Failure::other)
    }
}
