//! The stream to a server: TCP, or TLS over TCP.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::net::connect;
use crate::net::deadline::Deadline;

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a server until `deadline`, over TLS where there is a connector for it.
///
/// # Errors
///
/// The reason in plain words, without the name of the server.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    tls: Option<&TlsConnector>,
    deadline: Deadline,
) -> Result<Box<dyn Stream>, String> {
    let connecting = async {
        let stream = connect::connect(host, port).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let connected = deadline.wait_for(connecting).await;
    let stream = connected.map_err(|error| not_connected(&error, deadline))?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let handshake = async {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    };
    let shaken = deadline.wait_for(handshake).await;
    let stream = shaken.map_err(|error| no_handshake(host, &error, deadline))?;
    Ok(Box::new(stream))
}

fn not_connected(error: &io::Error, deadline: Deadline) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::TimedOut => format!("no connection in {deadline}"),
        _ => error.to_string(),
    }
}

fn no_handshake(host: &str, error: &io::Error, deadline: Deadline) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (error.kind(), tls) {
        (_, Some(error)) => tls_reason(host, error),
        (ErrorKind::ConnectionRefused, _) => "connection refused".into(),
        (ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof, _) => {
            "it closed the connection during the TLS handshake; does this port speak TLS?".into()
        }
        (ErrorKind::TimedOut, _) => {
            format!("no TLS handshake in {deadline}; does this port speak TLS?")
        }
        _ => error.to_string(),
    }
}

fn tls_reason(host: &str, error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;

    match error {
        rustls::Error::InvalidCertificate(
            Certificate::BadSignature | Certificate::UnknownIssuer,
        ) => "its certificate is not signed by an authority that is trusted here".into(),
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => format!("its certificate is not for the name {host}"),
        rustls::Error::InvalidCertificate(
            Certificate::Expired | Certificate::ExpiredContext { .. },
        ) => "its certificate has expired".into(),
        // The usual mistake with `openssl req -x509`, which marks a certificate as an authority's.
        rustls::Error::InvalidCertificate(Certificate::Other(error))
            if error.to_string().contains("CaUsedAsEndEntity") =>
        {
            "its certificate is one of an authority: a server's needs basicConstraints=CA:FALSE"
                .into()
        }
        rustls::Error::InvalidMessage(_) => "it does not speak TLS".into(),
        error => error.to_string(),
    }
}
