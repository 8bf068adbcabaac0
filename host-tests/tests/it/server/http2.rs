//! A client that speaks HTTP/2.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// One connection.
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(connection) }
    }

    /// A client on the same connection.
    pub fn again(&self) -> Self {
        Self { sender: self.sender.clone(), connection: tokio::spawn(async { Ok(()) }) }
    }

    /// Waits until the server has ended the connection.
    pub async fn ended(&mut self) {
        // The server may end it with or without a GOAWAY.
        let _ = (&mut self.connection).await.unwrap();
    }

    /// The status and the body of the response.
    pub async fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        let request = hyper::Request::get(format!("http://test{path}")).body(Empty::new()).unwrap();
        self.send(request).await.unwrap()
    }

    pub async fn send(
        &mut self,
        request: hyper::Request<Empty<Bytes>>,
    ) -> hyper::Result<(u16, Vec<u8>)> {
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes().into()))
    }
}

/// A client that sends frames by hand, for what a well-behaved client does not do. It acknowledges
/// nothing.
pub struct Frames {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

pub const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

impl Frames {
    /// Opens a connection whose streams have a window of so many bytes.
    pub async fn connect(address: SocketAddr, window: u32) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), window).await
    }

    pub async fn over(stream: TcpStream, window: u32) -> Self {
        let (reader, mut writer) = stream.into_split();
        writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
        writer.write_all(&frame(SETTINGS, 0, 0, &settings)).await.unwrap();
        Self { reader, writer }
    }

    /// Sends a GET.
    pub async fn get(&mut self, stream: u32, path: &str) {
        let length = u8::try_from(path.len()).unwrap();
        // Indexed fields of the static table: GET and http. Then :path and :authority, spelt out.
        let head = [b"\x82\x86\x04", &[length][..], path.as_bytes(), b"\x01\x04test"].concat();
        self.writer.write_all(&frame(HEADERS, 5, stream, &head)).await.unwrap();
    }

    /// Lets the server send so many bytes more, of all streams together.
    pub async fn widen(&mut self, bytes: u32) {
        self.writer.write_all(&frame(WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes())).await.unwrap();
    }

    /// The kind of the next frame and the length of its payload; `None` if the connection has ended.
    pub async fn next(&mut self) -> Option<(u8, usize)> {
        next(&mut self.reader).await
    }

    /// Sends PINGs until the connection ends; returns whether there was a GOAWAY before.
    pub async fn ping(self, every: Duration) -> bool {
        let Self { mut reader, mut writer } = self;
        let reading = async {
            let mut is_going_away = false;
            while let Some((kind, _)) = next(&mut reader).await {
                is_going_away |= kind == GOAWAY;
            }
            is_going_away
        };
        let pinging = async {
            while writer.write_all(&frame(PING, 0, 0, b"12345678")).await.is_ok() {
                sleep(every).await;
            }
        };
        tokio::join!(reading, pinging).0
    }
}

async fn next(reader: &mut OwnedReadHalf) -> Option<(u8, usize)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await.ok()?;
    let length = head[..3].iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    reader.read_exact(&mut vec![0; length]).await.ok()?;
    Some((head[3], length))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
