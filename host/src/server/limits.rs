//! What clients may use.

use std::time::Duration;

/// What clients may use of a server. What one call may use is in [`Bounds`](crate::Bounds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may keep the server waiting: for the TLS handshake, for the head of its
    /// next request, with a response that it does not read. Default: 30 seconds.
    pub client_time: Duration,
    /// How many connections there may be at once. Further ones are answered with 503. Default:
    /// 4,096.
    pub connections: usize,
    /// How long the header fields of a request may be, names and values together, in bytes.
    /// Default: 16 KiB.
    pub header_bytes: usize,
    /// How many bytes the header fields of requests and the bodies of answers may hold, all that
    /// are in flight together: from when a request is there until its answer is sent. Further
    /// requests are answered with 503. Default: 256 MiB.
    pub in_flight_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            client_time: Duration::from_secs(30),
            connections: 4096,
            header_bytes: 16 << 10,
            in_flight_bytes: 256 << 20,
        }
    }
}
