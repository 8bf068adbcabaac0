//! A connection to Redis, from the look-up of a name to a reply.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use bytes::Bytes;
use ccs_modules::StoreError;
use resp_rs::resp2::{Frame, frame_to_bytes};

use crate::bindings::wasi::clocks::monotonic_clock::{Instant, now, subscribe_instant};
use crate::bindings::wasi::io::poll::Pollable;
use crate::bindings::wasi::io::streams::{InputStream, OutputStream};
use crate::bindings::wasi::sockets::instance_network::instance_network;
use crate::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::bindings::wasi::sockets::network::{
    self, ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
    Ipv6SocketAddress,
};
use crate::bindings::wasi::sockets::tcp::TcpSocket;
use crate::bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::config::{Config, Host};
use crate::deadline::{Deadline, nanoseconds};
use crate::race::{self, Network, Progress, TimedOut};
use crate::reader::Reader;

/// The longest reply, in bytes.
const LONGEST_REPLY: usize = 256 << 20;
/// The most bytes that are taken from the host at once.
const CHUNK: u64 = 64 << 10;

/// The command that authenticates; `None` without credentials.
fn login(config: &Config) -> Option<Vec<&str>> {
    let password = config.password.as_deref();
    match config.user.as_deref() {
        Some(user) => Some([&["AUTH", user], &[password.unwrap_or_default()][..]].concat()),
        None => password.map(|password| ["AUTH", password].into()),
    }
}

fn encode(command: &[&str]) -> Vec<u8> {
    let word = |word: &&str| Frame::BulkString(Some(Bytes::copy_from_slice(word.as_bytes())));
    frame_to_bytes(&Frame::Array(Some(command.iter().map(word).collect()))).into()
}

/// A connection, and the time that the call still has.
pub(crate) struct Connection<'a> {
    socket: Socket,
    config: &'a Config,
    deadline: Deadline,
    reader: Reader,
    is_authenticated: bool,
}

impl<'a> Connection<'a> {
    /// Connects. The first command authenticates.
    pub(crate) fn open(config: &'a Config) -> Result<Self, StoreError> {
        let mut sockets = Sockets {
            network: instance_network(),
            port: config.port,
            deadline: Deadline::after(config.timeout),
            last_start: now(),
        };
        let addresses = addresses(config, &sockets)?;
        match race::connect(&mut sockets, addresses, config.timeout) {
            Ok(socket) => {
                let (deadline, reader) = (sockets.deadline, Reader::default());
                Ok(Self { socket, config, deadline, reader, is_authenticated: false })
            }
            Err(race::Error::Failed(Some(code))) => Err(config.unreachable(code.name())),
            Err(race::Error::Failed(None)) => Err(config.unreachable("the name has no address")),
            Err(race::Error::TimedOut) => Err(config.timed_out()),
        }
    }

    /// Sends one command and returns the reply.
    pub(crate) fn ask(&mut self, command: &[&str]) -> Result<Frame, StoreError> {
        let login = if self.is_authenticated { None } else { login(self.config) };
        self.is_authenticated = true;
        // Both go out at once: a reply that is an error ends the call in either case.
        let mut commands = login.as_deref().map(encode).unwrap_or_default();
        commands.extend_from_slice(&encode(command));
        self.send(&commands)?;
        if login.is_some()
            && let Frame::Error(text) = self.receive()?
        {
            return Err(self.config.login_refused(&text));
        }
        match self.receive()? {
            Frame::Error(text) => Err(self.config.refused(&text)),
            reply => Ok(reply),
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        let output = &self.socket.output;
        let closed = |_| self.config.closed();
        while !bytes.is_empty() {
            self.wait_for(&output.subscribe())?;
            let room = usize::try_from(output.check_write().map_err(closed)?);
            let (chunk, later) = bytes.split_at(room.unwrap_or(usize::MAX).min(bytes.len()));
            output.write(chunk).map_err(closed)?;
            bytes = later;
        }
        output.flush().map_err(closed)
    }

    fn receive(&mut self) -> Result<Frame, StoreError> {
        loop {
            match self.reader.next_reply() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) if self.reader.pending() > LONGEST_REPLY => {
                    return Err(self.config.too_long(LONGEST_REPLY));
                }
                Ok(None) => {}
                Err(_) => return Err(self.config.speaks_otherwise()),
            }
            self.wait_for(&self.socket.input.subscribe())?;
            let chunk = self.socket.input.read(CHUNK).map_err(|_| self.config.closed())?;
            self.reader.receive(&chunk);
        }
    }

    fn wait_for(&self, pollable: &Pollable) -> Result<(), StoreError> {
        self.deadline.wait_for(&[pollable]).map(drop).ok_or_else(|| self.config.timed_out())
    }
}

/// Returns the addresses of the host.
fn addresses(config: &Config, sockets: &Sockets) -> Result<Vec<IpAddr>, StoreError> {
    let name = match &config.host {
        Host::Ip(ip) => return Ok([*ip].into()),
        Host::Name(name) => name,
    };

    let failed = |code: ErrorCode| config.unreachable(code.name());
    let found = resolve_addresses(&sockets.network, name).map_err(failed)?;
    let mut addresses = Vec::new();
    loop {
        match found.resolve_next_address() {
            Ok(Some(address)) => addresses.push(address.into()),
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => {
                let ready = sockets.deadline.wait_for(&[&found.subscribe()]);
                ready.ok_or_else(|| config.timed_out())?;
            }
            Err(code) => return Err(failed(code)),
        }
    }
}

/// An open socket. The streams close before it: fields are dropped in their order.
struct Socket {
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

/// The sockets of the host.
struct Sockets {
    network: network::Network,
    port: u16,
    deadline: Deadline,
    /// The time at which the last attempt started.
    last_start: Instant,
}

impl Network for Sockets {
    type Attempt = TcpSocket;
    type Connection = Socket;
    type Failure = ErrorCode;

    fn start(&mut self, address: IpAddr) -> Result<TcpSocket, ErrorCode> {
        self.last_start = now();
        let (family, address) = socket_address(address, self.port);
        let socket = create_tcp_socket(family)?;
        socket.start_connect(&self.network, address)?;
        Ok(socket)
    }

    fn wait(&mut self, attempts: &[TcpSocket], delay: Option<Duration>) -> Result<bool, TimedOut> {
        let next_start = delay
            .map(|delay| subscribe_instant(self.last_start.saturating_add(nanoseconds(delay))));
        let ended: Vec<_> = attempts.iter().map(TcpSocket::subscribe).collect();
        let pollables: Vec<_> = next_start.iter().chain(&ended).collect();
        let ready = self.deadline.wait_for(&pollables).ok_or(TimedOut)?;
        Ok(next_start.is_some() && ready.contains(&0))
    }

    fn look(&mut self, socket: TcpSocket) -> Progress<Self> {
        match socket.finish_connect() {
            Ok((input, output)) => Progress::Connected(Socket { input, output, _socket: socket }),
            Err(ErrorCode::WouldBlock) => Progress::Running(socket),
            Err(code) => Progress::Failed(code),
        }
    }
}

fn socket_address(address: IpAddr, port: u16) -> (IpAddressFamily, IpSocketAddress) {
    match address {
        IpAddr::V4(address) => {
            let address = Ipv4SocketAddress { port, address: address.octets().into() };
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(address))
        }
        IpAddr::V6(address) => {
            let address = address.segments().into();
            let address = Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 };
            (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(address))
        }
    }
}

impl From<IpAddress> for IpAddr {
    fn from(address: IpAddress) -> Self {
        match address {
            IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
            IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
        }
    }
}
