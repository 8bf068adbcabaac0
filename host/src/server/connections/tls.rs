//! The TLS certificate of a server and its private key, and the certificates of its clients.

use std::fmt;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use tokio_rustls::rustls::{self, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use x509_parser::certificate::Validity;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use crate::net::TlsError;
use crate::net::key_pair::{self, KeyPair};
use crate::net::tls::add_authorities;

/// A certificate and its key: TLS 1.2 and 1.3, with HTTP/2 on offer.
#[derive(Clone)]
pub struct Tls {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    pair: Arc<dyn ResolvesServerCert>,
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
        let unusable = |error: rustls::Error| TlsError::Pair(error.to_string());
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let config = builder.clone().with_no_client_auth().with_single_cert(pair.chain, pair.key);
        let pair = config.map_err(unusable)?.cert_resolver;
        Ok(Self { builder, pair, certificate, validity })
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

    /// Makes the server's end of connections, to which clients of these authorities may show a certificate.
    pub(in crate::server) fn acceptor(&self, clients: Option<&ClientCa>) -> TlsAcceptor {
        let verifier = match clients {
            Some(ClientCa(verifier)) => verifier.clone(),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let builder = self.builder.clone().with_client_cert_verifier(verifier);
        let mut config = builder.with_cert_resolver(self.pair.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if clients.is_some() {
            // A session that is resumed would not verify the certificate again.
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Arc::new(config).into()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Authorities whose certificates clients may show. A client without a certificate is let in, and one whose
/// certificate is not valid is not.
#[derive(Clone)]
pub struct ClientCa(Arc<dyn ClientCertVerifier>);

impl ClientCa {
    /// Reads the certificates of the authorities, PEM.
    ///
    /// # Errors
    ///
    /// If they cannot be read or used.
    pub fn from_pem(certificates: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        add_authorities(&mut roots, &key_pair::certificates(certificates)?)?;
        let provider = Arc::new(ring::default_provider());
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
            .allow_unauthenticated()
            .build()
            .map(Self)
            .map_err(|error| TlsError::Certificate(error.to_string()))
    }
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCa")
    }
}
