//! Connections of clients: TCP, TLS and HTTP, within their limits.

mod connection;
mod distinguished_name;
mod exchanges;
mod limits;
mod listener;
mod stream;
mod subject;
mod tls;

pub(super) use self::connection::{Handler, Peer};
pub use self::limits::ConnectionLimits;
pub(super) use self::listener::Listener;
pub(super) use self::subject::Subject;
pub use self::tls::{ClientCa, Tls};
