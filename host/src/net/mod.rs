//! Connections to stores and to collectors, over TCP, TLS and HTTP.

mod connect;
pub(crate) mod deadline;
mod error;
pub(crate) mod header_fields;
mod http_client;
pub(crate) mod key_pair;
mod proxy;
pub(crate) mod stream;
pub(crate) mod tls;

pub(crate) use self::error::NetError;
pub(crate) use self::http_client::HttpClient;
pub use self::key_pair::TlsError;
