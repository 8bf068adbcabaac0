//! Limits of connections.

use std::time::Duration;

/// Limits of the connections of a server. Those of one call are in [`CallLimits`](crate::CallLimits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The time that a client has for the TLS handshake, for the head of its next request, and to
    /// take the next 4 KiB of a response. Default: 30 seconds.
    pub client_timeout: Duration,
    /// The number of connections at a time. The response to further ones is 503. Default: 4,096.
    pub connections: usize,
    /// The length of the header fields of a request, names and values together, in bytes. Default:
    /// 16 KiB.
    pub header_bytes: usize,
    /// The memory of all requests and responses in flight together, in bytes: from the head of a
    /// request until its response is sent. The response to further requests is 503. Default: 256 MiB.
    pub in_flight_bytes: usize,
    /// The time from the head of a request to its response. A call of the plugin has its own timeout too.
    /// Default: 10 seconds.
    pub request_timeout: Duration,
}

impl ConnectionLimits {
    /// The memory of one connection at most, in bytes, added to what is in flight and with the default of
    /// `header_bytes`: a head, for which the HTTP library takes up to twice the room, bodies that are not read,
    /// and the state of 100 HTTP/2 streams.
    pub const CONNECTION_BYTES: usize = 448 << 10;
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            client_timeout: Duration::from_secs(30),
            connections: 4096,
            header_bytes: 16 << 10,
            in_flight_bytes: 256 << 20,
            request_timeout: Duration::from_secs(10),
        }
    }
}
