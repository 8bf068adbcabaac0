//! Connections of clients: TCP, TLS and HTTP, within their limits.

mod connection;
mod exchanges;
mod limits;
mod listener;
mod stream;
mod tls;

pub(super) use self::connection::{Handler, Peer};
pub use self::limits::ConnectionLimits;
pub(super) use self::listener::Listener;
pub use self::tls::Tls;
