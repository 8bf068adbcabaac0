//! HTTP/1.1 as bytes, for requests that a well-behaved client does not send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One connection.
pub struct Wire<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
}

/// A whole response.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends the bytes; returns whether the connection still took them.
    pub async fn sends(&mut self, bytes: &str) -> bool {
        self.stream.write_all(bytes.as_bytes()).await.is_ok()
    }

    /// Sends nothing more; the connection can still receive.
    pub async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Whether neither a byte nor the end comes for so long.
    pub async fn is_silent(&mut self, duration: Duration) -> bool {
        timeout(duration, self.receive()).await.is_err()
    }

    /// Sends a request without further headers and returns the response.
    pub async fn ask(&mut self, method: &str, target: &str) -> Reply {
        self.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        self.reply(method).await
    }

    /// The next response, to a request with this method.
    pub async fn reply(&mut self, method: &str) -> Reply {
        let end = loop {
            match self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.receive().await, "the connection ends within a head"),
            }
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply { status, headers, body: Vec::new() };
        if method != "HEAD" {
            let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
            while self.received.len() < length {
                assert!(self.receive().await, "the connection ends within a body");
            }
            reply.body = self.received.drain(..length).collect();
        }
        reply
    }

    /// The number of the next bytes, at most so many; `None` if the connection has ended.
    pub async fn up_to(&mut self, count: usize) -> Option<usize> {
        let mut bytes = vec![0; count];
        self.stream.read(&mut bytes).await.ok().filter(|&count| count > 0)
    }

    /// All bytes until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.receive().await {}
        std::mem::take(&mut self.received)
    }

    /// Reads more bytes; returns whether there were any. A reset connection counts as ended.
    async fn receive(&mut self) -> bool {
        self.stream.read_buf(&mut self.received).await.is_ok_and(|count| count > 0)
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
