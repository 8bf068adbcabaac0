//! A certificate and its private key, read from PEM.

use std::path::Path;

use thiserror::Error;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain, the own certificate first, and its private key.
pub(crate) struct KeyPair {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The error for certificates that cannot be used. It never shows a key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificates cannot be read.
    #[error("the certificate chain: {0}")]
    Certificate(String),
    /// The key cannot be read.
    #[error("the private key: {0}")]
    Key(String),
    /// The certificate and the key cannot be used, or not together.
    #[error("the certificate and its private key: {0}")]
    Pair(String),
}

impl TlsError {
    /// The error with the name of the file that it is about, of the certificates or of the key.
    pub fn named(&self, certificates: &Path, key: &Path) -> String {
        match self {
            Self::Certificate(reason) => format!("{}: {reason}", certificates.display()),
            Self::Key(reason) => format!("{}: {reason}", key.display()),
            Self::Pair(_) => format!("{}: {self}", certificates.display()),
        }
    }
}

impl KeyPair {
    /// Reads a certificate chain and its private key, both PEM.
    ///
    /// # Errors
    ///
    /// If either cannot be read.
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound if is_encrypted(key) => {
                TlsError::Key("it is encrypted; `openssl pkey` decrypts it".into())
            }
            error => TlsError::Key(reason(&error, "private key")),
        })?;
        Ok(Self { chain, key })
    }
}

/// Reads certificates, PEM, at least one.
///
/// # Errors
///
/// If they cannot be read.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let failed = |error| TlsError::Certificate(reason(&error, "certificate"));
    let certificates = read.map_err(failed)?;
    match certificates.is_empty() {
        true => Err(failed(pem::Error::NoItemsFound)),
        false => Ok(certificates),
    }
}

/// Whether a key in PEM is protected by a password (RFC 5958 and RFC 1421).
fn is_encrypted(key: &[u8]) -> bool {
    let text = String::from_utf8_lossy(key);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// The reason why a PEM text cannot be used, without any part of the text.
fn reason(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in it"),
        _ => "it is not PEM".into(),
    }
}
