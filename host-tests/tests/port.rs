//! Ports for servers that a test starts, stops and starts again.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that Linux gives to no other program while this value lives.
///
/// The socket is bound and does not listen. A server can listen on the port all the same, since both set
/// `SO_REUSEADDR`. Without a server, connections are refused.
pub struct ReservedPort(TcpSocket);

impl ReservedPort {
    pub fn any() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub fn number(&self) -> u16 {
        self.address().port()
    }
}
