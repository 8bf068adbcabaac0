//! A connection to Redis, from look-up to reply.

use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;

use bytes::Bytes;
use resp_rs::ParseError;
use resp_rs::resp2::{Frame, frame_to_bytes, parse_frame};

use crate::bindings::exports::ccs::modules::ccs::Error;
use crate::bindings::wasi::io::streams::{InputStream, OutputStream};
use crate::bindings::wasi::sockets::instance_network::instance_network;
use crate::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::bindings::wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
    Network,
};
use crate::bindings::wasi::sockets::tcp::TcpSocket;
use crate::bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::config::{Config, Host};
use crate::deadline::Deadline;
use crate::reply;

/// A reply that is longer is given up.
const LONGEST_REPLY: usize = 256 << 20;
/// The most bytes taken from the host at once.
const CHUNK: u64 = 64 << 10;

/// What Redis replies to one command.
pub(crate) fn ask(config: &Config, command: &[&str]) -> Result<Frame, Error> {
    let deadline = Deadline::of(config);
    let mut connection = Connection::open(config, deadline)?;
    // Both go out at once: a reply that is an error ends the call in either case.
    let login = login(config);
    let mut commands = login.as_deref().map(encode).unwrap_or_default();
    commands.extend_from_slice(&encode(command));
    connection.send(&commands)?;
    if login.is_some() {
        reply::accept_login(connection.receive()?)?;
    }
    reply::accept(connection.receive()?)
}

/// The command that authenticates, where there is something to authenticate with.
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

/// The streams close before the socket does: fields are dropped in their order.
struct Connection<'a> {
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
    config: &'a Config,
    deadline: Deadline,
    /// What was received and not yet parsed.
    received: Vec<u8>,
}

impl<'a> Connection<'a> {
    /// Connects to the first address that answers.
    fn open(config: &'a Config, deadline: Deadline) -> Result<Self, Error> {
        let network = instance_network();
        let mut refused = None;
        for address in addresses(config, &network, &deadline)? {
            match connect(&network, address, config.port, &deadline)? {
                Ok((socket, input, output)) => {
                    let received = Vec::new();
                    return Ok(Self { input, output, _socket: socket, config, deadline, received });
                }
                Err(code) => refused = Some(code),
            }
        }
        Err(match refused {
            Some(code) => cannot("connect to", config, code),
            None => Error::Unavailable(format!("{} has no address", config.address)),
        })
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let lost = |_| self.lost();
        while !bytes.is_empty() {
            self.deadline.wait_for(&self.output.subscribe())?;
            let room = usize::try_from(self.output.check_write().map_err(lost)?);
            let (now, later) = bytes.split_at(room.unwrap_or(usize::MAX).min(bytes.len()));
            self.output.write(now).map_err(lost)?;
            bytes = later;
        }
        self.output.flush().map_err(lost)
    }

    fn receive(&mut self) -> Result<Frame, Error> {
        loop {
            // Every reply ends so; looking at nothing else keeps long replies from being parsed
            // again with each chunk.
            if self.received.ends_with(b"\r\n") {
                match parse_frame(core::mem::take(&mut self.received).into()) {
                    Ok((frame, rest)) => {
                        self.received = rest.into();
                        return Ok(frame);
                    }
                    Err(ParseError::Incomplete) => {}
                    Err(_) => return Err(reply::unexpected()),
                }
            }
            if self.received.len() > LONGEST_REPLY {
                return Err(Error::Other(format!(
                    "the reply is longer than {LONGEST_REPLY} bytes"
                )));
            }
            self.deadline.wait_for(&self.input.subscribe())?;
            let chunk = self.input.read(CHUNK).map_err(|_| self.lost())?;
            self.received.extend_from_slice(&chunk);
        }
    }

    fn lost(&self) -> Error {
        Error::Unavailable(format!("{} closed the connection", self.config.address))
    }
}

/// The addresses to try.
fn addresses(
    config: &Config,
    network: &Network,
    deadline: &Deadline,
) -> Result<Vec<IpAddress>, Error> {
    let name = match &config.host {
        Host::Ip(ip) => return Ok([(*ip).into()].into()),
        Host::Name(name) => name,
    };
    let failed = |code| cannot("look up", config, code);
    let found = resolve_addresses(network, name).map_err(failed)?;
    let mut addresses = Vec::new();
    loop {
        match found.resolve_next_address() {
            Ok(Some(address)) => addresses.push(address),
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => deadline.wait_for(&found.subscribe())?,
            Err(code) => return Err(failed(code)),
        }
    }
}

type Streams = (TcpSocket, InputStream, OutputStream);

/// Connects to one address: the inner error is this address's own, and another may do.
fn connect(
    network: &Network,
    address: IpAddress,
    port: u16,
    deadline: &Deadline,
) -> Result<Result<Streams, ErrorCode>, Error> {
    let started = create_tcp_socket(family(&address)).and_then(|socket| {
        socket.start_connect(network, socket_address(address, port)).map(|()| socket)
    });
    let socket = match started {
        Ok(socket) => socket,
        Err(code) => return Ok(Err(code)),
    };
    loop {
        match socket.finish_connect() {
            Ok((input, output)) => return Ok(Ok((socket, input, output))),
            Err(ErrorCode::WouldBlock) => deadline.wait_for(&socket.subscribe())?,
            Err(code) => return Ok(Err(code)),
        }
    }
}

fn cannot(what: &str, config: &Config, code: ErrorCode) -> Error {
    let text = format!("cannot {what} {}: {}", config.address, code.name());
    match code {
        ErrorCode::AccessDenied => Error::Denied(text),
        _ => Error::Unavailable(text),
    }
}

fn family(address: &IpAddress) -> IpAddressFamily {
    match address {
        IpAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    }
}

fn socket_address(address: IpAddress, port: u16) -> IpSocketAddress {
    match address {
        IpAddress::Ipv4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
        IpAddress::Ipv6(address) => {
            let (flow_info, scope_id) = (0, 0);
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info, address, scope_id })
        }
    }
}

impl From<IpAddr> for IpAddress {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => IpAddress::Ipv4(address.octets().into()),
            IpAddr::V6(address) => IpAddress::Ipv6(address.segments().into()),
        }
    }
}
