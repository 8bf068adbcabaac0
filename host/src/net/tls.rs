//! TLS to a store, and the certificates that are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_native_certs::{CertificateResult, load_native_certs};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::files;

/// Loads the certificates of the file `ca`, or else the system's, and makes a connector that trusts
/// them.
pub(crate) async fn connector(ca: Option<PathBuf>) -> Result<TlsConnector, String> {
    let load = move || {
        let roots = match ca {
            Some(path) => of_file(&path)?,
            None => of_system(load_native_certs())?,
        };
        Ok(TlsConnector::from(Arc::new(trusting(roots)?)))
    };
    // Reading files blocks.
    spawn_blocking(load).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// The certificates of a PEM file.
fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let text = files::read(path).map_err(|error| error.to_string())?;
    let failed = |reason: String| format!("{}: {reason}", path.display());
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(&text).enumerate() {
        let certificate = certificate.map_err(|_| failed("it is not PEM".into()))?;
        roots
            .add(certificate)
            .map_err(|error| failed(format!("certificate {} is not valid: {error}", index + 1)))?;
    }
    if roots.is_empty() {
        return Err(failed("there is no certificate in it".into()));
    }
    Ok(roots)
}

/// The certificates that the system trusts. One that cannot be used is logged and left out: a system
/// may contain certificates of kinds that are not known here.
fn of_system(loaded: CertificateResult) -> Result<RootCertStore, String> {
    let CertificateResult { certs, errors, .. } = loaded;
    let mut roots = RootCertStore::empty();
    let (_, invalid) = roots.add_parsable_certificates(certs);
    for error in &errors {
        tracing::warn!(%error, "cannot load certificates that the system trusts");
    }
    if invalid > 0 {
        tracing::debug!(invalid, "left out certificates of the system that are not valid");
    }
    if roots.is_empty() {
        let reason = errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!(
            "this system has no trusted certificates{reason}; name a file of them with ca=PATH"
        ));
    }
    Ok(roots)
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, String> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use rustls_native_certs::load_certs_from_paths;

    use super::*;

    #[test]
    fn a_system_without_certificates_is_an_error_with_its_cause() {
        let error = of_system(CertificateResult::default()).unwrap_err();
        assert!(error.starts_with("this system has no trusted certificates; "), "{error}");

        let missing = load_certs_from_paths(Some(Path::new("/nowhere/ca.pem")), None);
        let error = of_system(missing).unwrap_err();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
