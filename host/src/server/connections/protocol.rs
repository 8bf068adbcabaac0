//! Detects HTTP/1.1 or HTTP/2 by the first bytes of a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// The first bytes of every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads as many bytes as needed. Returns them, since they are a part of the first request.
pub(super) async fn detect(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<(Protocol, Vec<u8>)> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while PREFACE.starts_with(&first) {
        if first.len() == PREFACE.len() {
            return Ok((Protocol::Http2, first));
        }
        if stream.take((PREFACE.len() - first.len()) as u64).read_buf(&mut first).await? == 0 {
            break;
        }
    }
    Ok((Protocol::Http1, first))
}
