//! TLS to a store, and the certificates that are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_native_certs::{CertificateResult, load_native_certs};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::files;
use crate::net::NetError;

/// Loads the certificates of the file `ca`, or else the system's, and makes a connector that trusts
/// them. A certificate of the file is trusted as that of the server too.
pub(crate) async fn connector(ca: Option<PathBuf>) -> Result<TlsConnector, NetError> {
    let load = move || {
        let (roots, pinned) = match ca {
            Some(path) => of_file(&path)?,
            None => (of_system(load_native_certs())?, Vec::new()),
        };
        Ok(TlsConnector::from(Arc::new(trusting(roots, pinned)?)))
    };
    // Reading files blocks.
    spawn_blocking(load).await.unwrap_or_else(|error| Err(NetError::of(error)))
}

/// The certificates of a PEM file, as authorities and as they are.
fn of_file(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), NetError> {
    let text = files::read(path).map_err(NetError::of)?;
    let named = |reason: &str| format!("{}: {reason}", path.display());
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates =
        certificates.map_err(|error| NetError::because(named("it is not PEM"), error))?;
    if certificates.is_empty() {
        return Err(NetError::new(named("there is no certificate in it")));
    }

    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| {
            let reason = match error.to_string() {
                text if text.contains("UnsupportedCertVersion") => {
                    "it is of version 1, and one of version 3 is needed".into()
                }
                text => text,
            };
            let reason = format!("certificate {} is not valid: {reason}", index + 1);
            NetError::because(named(&reason), error)
        })?;
    }
    Ok((roots, certificates))
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
) -> Result<ClientConfig, NetError> {
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
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
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
