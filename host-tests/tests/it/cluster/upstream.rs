//! A scripted node of a cluster: it gives any answer, dies and comes back.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use rcgen::{CertifiedKey, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::cluster::certificates::{Authority, acceptor, mutual_acceptor};
use crate::support::port::ReservedPort;

const PART: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{\"uid\":";

fn response(status: u16, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Test\r\n{fields}content-length: {length}\r\n\r\n");
    (head + body).into_bytes()
}

/// A node on a port of its own. It ends when this is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    _port: ReservedPort,
    told: Arc<Told>,
    tls: Option<TlsAcceptor>,
    running: JoinSet<()>,
}

/// The node's answer, and the requests that it got.
struct Told {
    answer: Mutex<Answer>,
    heads: Mutex<Vec<String>>,
}

/// The answer to every request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The bytes of a response. The connection ends after them.
    Bytes(Vec<u8>),
    /// A part of a response, and then a reset.
    Reset(Vec<u8>),
    /// No answer, for as long as the client waits.
    Silence,
    /// A status and a body for each head of a request.
    ByHead(fn(&str) -> (u16, &'static str)),
    /// A list with an entity tag, and 304 for a client that has it.
    Tagged { body: String, tag: &'static str },
}

impl Answer {
    /// A list without an entity tag, as clusters send it.
    pub fn list(body: &str) -> Self {
        Self::with(200, "content-type: application/json\r\n", body)
    }

    pub fn status(status: u16) -> Self {
        Self::with(status, "", "")
    }

    pub fn redirect(location: &str) -> Self {
        Self::with(307, &format!("location: {location}\r\n"), "")
    }

    pub fn with(status: u16, fields: &str, body: &str) -> Self {
        Self::Bytes(response(status, fields, body))
    }

    /// A part of a list, and then the end of the connection.
    pub fn truncated() -> Self {
        Self::Bytes(PART.into())
    }

    /// A part of a list, and then a reset.
    pub fn reset() -> Self {
        Self::Reset(PART.into())
    }
}

impl Upstream {
    pub async fn start(answer: Answer) -> Self {
        Self::over(None, answer).await
    }

    /// Starts a node with this certificate.
    pub async fn start_tls(certified: &CertifiedKey<KeyPair>, answer: Answer) -> Self {
        Self::over(Some(acceptor(certified)), answer).await
    }

    /// Starts a node with this certificate that wants certificates of its clients.
    pub async fn start_mutual(
        certified: &CertifiedKey<KeyPair>,
        clients: &Authority,
        answer: Answer,
    ) -> Self {
        Self::over(Some(mutual_acceptor(certified, clients)), answer).await
    }

    async fn over(tls: Option<TlsAcceptor>, answer: Answer) -> Self {
        let told = Told { answer: Mutex::new(answer), heads: Mutex::default() };
        let port = ReservedPort::any();
        let mut upstream = Self {
            address: port.address(),
            _port: port,
            told: Arc::new(told),
            tls,
            running: JoinSet::new(),
        };
        upstream.restart().await;
        upstream
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Gives this answer from now on.
    pub fn answer(&self, answer: Answer) {
        *self.told.answer.lock().unwrap() = answer;
    }

    /// The heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.told.heads().clone()
    }

    /// Ends the node and its connections.
    pub async fn kill(&mut self) {
        self.running.shutdown().await;
    }

    /// Starts the node at its address, after it has been killed.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (told, tls) = (self.told.clone(), self.tls.clone());
        self.running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (told, tls) = (told.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        // A client that refuses the certificate ends the handshake.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => told.serve(stream, |_| ()).await,
                            Err(_) => false,
                        },
                        None => {
                            told.serve(stream, |stream| stream.set_zero_linger().unwrap()).await
                        }
                    }
                });
            }
        });
    }
}

impl Told {
    /// Answers the one request of a connection; returns whether there was one.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        reset: impl FnOnce(&S),
    ) -> bool {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return false,
            }
        }
        let head = String::from_utf8(head).unwrap();
        self.heads().push(head.clone());
        let answer = self.answer.lock().unwrap().clone();
        let bytes = match answer {
            Answer::Bytes(bytes) => bytes,
            Answer::Reset(bytes) => {
                // The client may have gone, which the tests expect.
                let _ = stream.write_all(&bytes).await;
                reset(&stream);
                return true;
            }
            Answer::ByHead(answer) => {
                let (status, body) = answer(&head);
                response(status, "", body)
            }
            Answer::Silence => std::future::pending().await,
            Answer::Tagged { body, tag } => {
                let known = head.contains(&format!("if-none-match: \"{tag}\"\r\n"));
                let (status, body) = if known { (304, "") } else { (200, &*body) };
                response(status, &format!("etag: \"{tag}\"\r\n"), body)
            }
        };
        // The client closes first, or it may have gone.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        true
    }

    fn heads(&self) -> MutexGuard<'_, Vec<String>> {
        self.heads.lock().unwrap()
    }
}
