//! Certificates of nodes, and the authority that signs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// An authority, and the file with its certificate.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The certificate of the authority itself.
    pub fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path()).unwrap()
    }

    /// A certificate for this name.
    pub fn sign(&self, name: &str) -> CertifiedKey<KeyPair> {
        self.certify(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// An expired certificate for this name.
    pub fn sign_expired(&self, name: &str) -> CertifiedKey<KeyPair> {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(2001, 1, 1);
        self.certify(params)
    }

    /// A certificate of this subject, for a client.
    pub fn sign_subject(&self, subject: &[(DnType, &str)]) -> CertifiedKey<KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        self.certify(params)
    }

    /// A certificate for this name that is marked as an authority's.
    pub fn sign_authority(&self, name: &str) -> CertifiedKey<KeyPair> {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.certify(params)
    }

    fn certify(&self, params: CertificateParams) -> CertifiedKey<KeyPair> {
        let signing_key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&signing_key, &self.issuer).unwrap();
        CertifiedKey { cert, signing_key }
    }
}

/// A certificate that `openssl req -x509` makes: signed by itself, and marked as an authority's.
pub fn self_signed(name: &str, is_expired: bool) -> CertifiedKey<KeyPair> {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if is_expired {
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

/// The end of TLS connections of a server with this certificate.
pub fn acceptor(certified: &CertifiedKey<KeyPair>) -> TlsAcceptor {
    accepting(certified, WebPkiClientVerifier::no_client_auth())
}

/// The same for a server that wants client certificates of this authority.
pub fn mutual_acceptor(certified: &CertifiedKey<KeyPair>, clients: &Authority) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(clients.certificate()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
    accepting(certified, verifier.build().unwrap())
}

fn accepting(
    certified: &CertifiedKey<KeyPair>,
    verifier: Arc<dyn ClientCertVerifier>,
) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Writes a certificate and its key to the files `cert.pem` and `key.pem` of a folder.
pub fn write_pair(folder: &Path, certified: &CertifiedKey<KeyPair>) {
    fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
}
