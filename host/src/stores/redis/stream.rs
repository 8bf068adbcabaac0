//! The way to a Redis: TCP, and TLS over it.

use std::io;
use std::sync::Arc;

use tokio::fs;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::RedisAddress;
use crate::CcsError;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the Redis at `address`, trusting these certificates, or else the system's.
pub(super) async fn connect(
    address: &RedisAddress,
    trusted: Option<Vec<u8>>,
) -> io::Result<Box<dyn Stream>> {
    let host = address.host();
    let stream = TcpStream::connect((host, address.port())).await?;
    stream.set_nodelay(true)?;
    if !address.is_tls() {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = config(roots(trusted)?).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

/// The certificates to trust, where the address names some.
pub(super) async fn trusted(address: &RedisAddress) -> Result<Option<Vec<u8>>, CcsError> {
    let Some(path) = address.ca() else {
        return Ok(None);
    };
    fs::read(path).await.map(Some).map_err(|error| {
        CcsError::Unavailable(format!("cannot read {}: {}", path.display(), error.kind()))
    })
}

fn roots(trusted: Option<Vec<u8>>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(trusted) = trusted else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(&trusted) {
        let certificate = certificate.map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
    }
    Ok(roots)
}

fn config(roots: RootCertStore) -> Result<ClientConfig, tokio_rustls::rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
