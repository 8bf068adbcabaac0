//! The stream to a Redis: TCP, or TLS over TCP.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::RedisAddress;
use super::failure::{Stage, not_connected};
use crate::CcsError;
use crate::stores::connect;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the Redis at `address` until `deadline`, over TLS where there is a connector for it.
pub(super) async fn connect(
    address: &RedisAddress,
    tls: Option<&TlsConnector>,
    deadline: Instant,
) -> Result<Box<dyn Stream>, CcsError> {
    let host = address.host();
    let connecting = async {
        let stream = connect::connect(host, address.port()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let stream = in_time(deadline, connecting)
        .await
        .map_err(|error| not_connected(address, Stage::Connecting, &error))?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let handshake = async {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    };
    let stream = in_time(deadline, handshake)
        .await
        .map_err(|error| not_connected(address, Stage::Handshake, &error))?;
    Ok(Box::new(stream))
}

async fn in_time<T>(deadline: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
