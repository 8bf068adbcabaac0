//! The stream to a server: TCP, or TLS over TCP.

use std::io::{self, ErrorKind};

use hyper_util::client::proxy::matcher::Intercept;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::net::deadline::Deadline;
use crate::net::tls::is_marked_as_authority;
use crate::net::{NetError, connect, proxy};

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A server, and the way to it.
pub(crate) struct Server<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The connector, if the server is asked over TLS.
    pub(crate) tls: Option<&'a TlsConnector>,
    /// The name in its certificate, if that is not the host: behind a forwarded port, for example.
    pub(crate) name: Option<&'a str>,
    /// The proxy that makes the connection.
    pub(crate) proxy: Option<Intercept>,
}

/// Connects to a server until `deadline`.
///
/// # Errors
///
/// The reason in plain words, without the name of the server.
pub(crate) async fn connect(
    server: Server<'_>,
    deadline: Deadline,
) -> Result<Box<dyn Stream>, NetError> {
    let Server { host, port, tls, name, proxy } = server;
    let connecting = async {
        let stream = match proxy {
            Some(proxy) => proxy::connect(&proxy, host, port).await?,
            None => connect::connect(host, port).await?,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let connected = deadline.wait_for(connecting).await;
    let stream =
        connected.map_err(|error| NetError::because(not_connected(&error, deadline), error))?;

    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let host = name.unwrap_or(host);
    let handshake = async {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    };
    let shaken = deadline.wait_for(handshake).await;
    let stream =
        shaken.map_err(|error| NetError::because(no_handshake(host, &error, deadline), error))?;
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
        ) => "its certificate is not signed by an authority that is trusted here; name the file of its \
              authority, or its own certificate, with ?ca=PATH (`openssl s_client -showcerts` shows it)"
            .into(),
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => format!("its certificate is not for the name {host}"),
        rustls::Error::InvalidCertificate(
            Certificate::Expired | Certificate::ExpiredContext { .. },
        ) => "its certificate has expired".into(),
        rustls::Error::InvalidCertificate(error) if is_marked_as_authority(error) => {
            "its certificate is one of an authority: name its own file with ?ca=PATH, or make one \
             with basicConstraints=CA:FALSE"
                .into()
        }
        rustls::Error::InvalidMessage(_) => "it does not speak TLS".into(),
        error => refused_certificate(error).unwrap_or_else(|| error.to_string()),
    }
}

/// The reason why a server ends TLS, if that is the certificate of the client.
pub(crate) fn refused_certificate(error: &rustls::Error) -> Option<String> {
    use rustls::AlertDescription as Alert;

    match error {
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            Some("it wants a client certificate; name its files with ?cert=PATH&key=PATH".into())
        }
        rustls::Error::AlertReceived(
            alert @ (Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::DecryptError
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate),
        ) => Some(format!("it refuses the client certificate: {alert:?}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_error_keeps_its_cause() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Server { host: "127.0.0.1", port, tls: None, name: None, proxy: None };
        let error = connect(server, Deadline::after(Duration::from_secs(60))).await.err().unwrap();
        let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(error.to_string(), "connection refused");
        assert_eq!(cause.kind(), ErrorKind::ConnectionRefused);
    }
}
