//! The TLS certificate of a server, and its private key.

use std::fmt;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, ServerConfig};
use x509_parser::certificate::Validity;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use crate::net::TlsError;
use crate::net::key_pair::KeyPair;

/// A certificate and its key: TLS 1.2 and 1.3, with HTTP/2 on offer.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
    validity: Validity,
}

impl Tls {
    /// Reads a certificate chain, the server's own certificate first, and its private key, both PEM.
    ///
    /// # Errors
    ///
    /// When either cannot be read, or the key belongs to another certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::new(KeyPair::from_pem(certificates, key)?)
    }

    /// Makes a certificate for these names and addresses, signed by itself.
    ///
    /// # Errors
    ///
    /// When one of them cannot be in a certificate.
    pub fn self_signed(names: &[&str]) -> Result<Self, TlsError> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        Self::new(KeyPair { chain: vec![cert.into()], key: signing_key.into() })
    }

    fn new(pair: KeyPair) -> Result<Self, TlsError> {
        let unreadable = || TlsError::Certificate("its first certificate cannot be read".into());
        let certificate = pair.chain.first().ok_or_else(unreadable)?.clone();
        let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| unreadable())?;
        let validity = parsed.validity().clone();
        let mut config = config(pair).map_err(|error| TlsError::Pair(error.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificate, validity })
    }

    /// The server's own certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The end of the validity, in seconds since 1970.
    pub(in crate::server) fn not_after(&self) -> i64 {
        self.validity.not_after.timestamp()
    }

    /// Logs a warning if clients refuse the certificate now, because of its dates.
    pub(in crate::server) fn warn_if_invalid(&self) {
        let Validity { not_before, not_after } = &self.validity;
        let now = ASN1Time::now();
        if now > *not_after {
            tracing::warn!(%not_after, "the certificate of this server has expired");
        } else if now < *not_before {
            tracing::warn!(%not_before, "the certificate of this server is not valid yet");
        }
    }

    pub(in crate::server) fn acceptor(&self) -> TlsAcceptor {
        self.config.clone().into()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn config(KeyPair { chain, key }: KeyPair) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}
