//! TLS to a store, and the certificates that are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_native_certs::{CertificateResult, load_native_certs};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WantsClientCert, WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use crate::file_metrics::FileMetrics;
use crate::files;
use crate::last_good::LastGood;
use crate::net::key_pair::{KeyPair, certificates};
use crate::net::{NetError, TlsError};

/// The files of a client for TLS, all PEM.
#[derive(Clone, Default)]
pub(crate) struct TlsFiles {
    /// The certificates to trust instead of the system's. Each is trusted as that of a server too.
    pub(crate) ca: Option<PathBuf>,
    /// The client's own certificate chain, and its private key.
    pub(crate) pair: Option<[PathBuf; 2]>,
}

/// The client's end of TLS. Its files are read again for each connection.
pub(crate) struct Connector {
    files: TlsFiles,
    made: LastGood<Made>,
}

/// A connector, and the contents of the files of which it was made. It is kept, since it resumes sessions.
#[derive(Clone)]
struct Made {
    connector: TlsConnector,
    texts: Texts,
}

/// The contents of [`TlsFiles`].
#[derive(Clone, PartialEq)]
struct Texts {
    ca: Option<Vec<u8>>,
    pair: Option<[Vec<u8>; 2]>,
}

impl Connector {
    pub(crate) fn new(files: TlsFiles, metrics: FileMetrics) -> Self {
        Self { files, made: LastGood::new("client_tls", "the files of the TLS client", metrics) }
    }

    /// Returns the connector of the files as they are now, or the last one while they cannot be used.
    ///
    /// # Errors
    ///
    /// The file, and what is wrong with it.
    pub(crate) async fn get(&self) -> Result<TlsConnector, NetError> {
        let (files, last) = (self.files.clone(), self.made.get());
        // Reading files blocks.
        let made = spawn_blocking(move || files.connector(last)).await;
        let made = made.unwrap_or_else(|error| Err(NetError::of(error)));
        Ok(self.made.or_last(made)?.connector)
    }
}

impl TlsFiles {
    /// Makes a connector, unless the last one was made of the same contents.
    fn connector(&self, last: Option<Made>) -> Result<Made, NetError> {
        let read = |path: &PathBuf| files::read(path).map_err(NetError::of);
        let pair = match &self.pair {
            Some([chain, key]) => Some([read(chain)?, read(key)?]),
            None => None,
        };
        let texts = Texts { ca: self.ca.as_ref().map(read).transpose()?, pair };
        if let Some(last) = last.filter(|last| last.texts == texts) {
            return Ok(last);
        }

        let (roots, pinned) = match (&self.ca, &texts.ca) {
            (Some(path), Some(text)) => of_file(path, text)?,
            _ => (of_system(load_native_certs())?, Vec::new()),
        };
        let client = trusting(roots, pinned)?;
        let config = match (&self.pair, &texts.pair) {
            (Some([chain_path, key_path]), Some([chain, key])) => {
                let named = |error: TlsError| NetError::new(error.named(chain_path, key_path));
                let KeyPair { chain, key } = KeyPair::from_pem(chain, key).map_err(named)?;
                let config = client.with_client_auth_cert(chain, key);
                config.map_err(|error| named(TlsError::Pair(error.to_string())))?
            }
            _ => client.with_no_client_auth(),
        };
        Ok(Made { connector: Arc::new(config).into(), texts })
    }
}

/// The certificates of a PEM file, as authorities and as they are.
fn of_file(
    path: &Path,
    text: &[u8],
) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), NetError> {
    let named = |error: TlsError| NetError::new(error.named(path, path));
    let certificates = certificates(text).map_err(named)?;
    let mut roots = RootCertStore::empty();
    add_authorities(&mut roots, &certificates).map_err(named)?;
    Ok((roots, certificates))
}

/// Adds certificates as authorities.
///
/// # Errors
///
/// The number of the certificate, and what is wrong with it.
pub(crate) fn add_authorities(
    roots: &mut RootCertStore,
    certificates: &[CertificateDer<'static>],
) -> Result<(), TlsError> {
    for (index, certificate) in certificates.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| {
            let reason = match error.to_string() {
                text if text.contains("UnsupportedCertVersion") => {
                    "it is of version 1, and one of version 3 is needed".into()
                }
                text => text,
            };
            TlsError::Certificate(format!("certificate {} is not valid: {reason}", index + 1))
        })?;
    }
    Ok(())
}

/// The certificates that the system trusts. One that cannot be used is logged and left out: a system
/// may contain certificates of kinds that are not known here.
fn of_system(loaded: CertificateResult) -> Result<RootCertStore, NetError> {
    let CertificateResult { certs, errors, .. } = loaded;
    let mut roots = RootCertStore::empty();
    let (_, invalid) = roots.add_parsable_certificates(certs);
    for error in &errors {
        tracing::warn!(reason = %error, "cannot load certificates that the system trusts");
    }
    if invalid > 0 {
        tracing::debug!(invalid, "left out certificates of the system that are not valid");
    }
    if roots.is_empty() {
        let reason = errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(NetError::new(format!(
            "this system has no trusted certificates{reason}; name a file of them with ca=PATH"
        )));
    }
    Ok(roots)
}

fn trusting(
    roots: RootCertStore,
    pinned: Vec<CertificateDer<'static>>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, NetError> {
    let provider = Arc::new(ring::default_provider());
    let by_authority =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(NetError::of)?;
    let verifier = Arc::new(Verifier { by_authority, pinned });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(NetError::of)?
        // It is rustls' own verifier, with one exception.
        .dangerous()
        .with_custom_certificate_verifier(verifier))
}

/// A verifier that trusts authorities, and also certificates that are known byte for byte. The certificates
/// of `openssl req -x509` are marked as authorities, which rustls refuses for a server.
#[derive(Debug)]
struct Verifier {
    by_authority: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.by_authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The dates were checked before this error, and the name was not.
            Err(Error::InvalidCertificate(error))
                if is_marked_as_authority(&error) && self.pinned.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Whether a server's certificate is refused only because it is marked as one of an authority.
pub(super) fn is_marked_as_authority(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity"))
}

#[cfg(test)]
mod tests {
    use rustls_native_certs::load_certs_from_paths;

    use super::*;

    #[test]
    fn a_system_without_certificates_is_an_error_with_its_cause() {
        let error = of_system(CertificateResult::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("this system has no trusted certificates; "),
            "{error}"
        );

        let missing = load_certs_from_paths(Some(Path::new("/nowhere/ca.pem")), None);
        let error = of_system(missing).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
