//! The stream to a server: TCP, or TLS over TCP.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::stores::connect;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a server until `deadline`, over TLS where there is a connector for it.
///
/// # Errors
///
/// The reason in plain words, without the name of the server.
pub(super) async fn connect(
    host: &str,
    port: u16,
    tls: Option<&TlsConnector>,
    deadline: Instant,
) -> Result<Box<dyn Stream>, String> {
    let connecting = async {
        let stream = connect::connect(host, port).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let stream = in_time(deadline, connecting).await.map_err(|error| not_connected(&error))?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let handshake = async {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    };
    let stream = in_time(deadline, handshake).await.map_err(|error| no_handshake(host, &error))?;
    Ok(Box::new(stream))
}

async fn in_time<T>(deadline: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

fn not_connected(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::TimedOut => "no connection in time".into(),
        _ => error.to_string(),
    }
}

fn no_handshake(host: &str, error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (error.kind(), tls) {
        (_, Some(error)) => tls_reason(host, error),
        (ErrorKind::ConnectionRefused, _) => "connection refused".into(),
        (ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof, _) => {
            "it closed the connection during the TLS handshake; does this port speak TLS?".into()
        }
        (ErrorKind::TimedOut, _) => "no TLS handshake in time; does this port speak TLS?".into(),
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
        rustls::Error::InvalidMessage(_) => "it does not speak TLS".into(),
        error => error.to_string(),
    }
}
