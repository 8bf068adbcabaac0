//! Limits, as they are set on the command line.

use ccs_modules_host::Bounds;
use ccs_modules_host::server::Limits;
use clap::{Args, value_parser};

use super::seconds::Seconds;

/// What clients, calls and the store may use.
#[derive(Args)]
pub struct LimitArgs {
    /// How many connections there may be at once; further ones are answered with 503.
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// How long the header fields of a request may be, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().header_bytes)]
    max_header_bytes: usize,
    /// How many bytes the requests and answers in flight may hold, all together; further requests
    /// are answered with 503.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().in_flight_bytes)]
    max_in_flight_bytes: usize,
    /// How many instances of the component there may be at once; further requests wait.
    #[arg(long, value_name = "N", default_value_t = Bounds::default().instances, value_parser = value_parser!(u32).range(1..))]
    max_instances: u32,
    /// How long a client may keep the server waiting, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Limits::default().client_time))]
    client_timeout: Seconds,
    /// How long a request may take until it is answered, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Bounds::default().time))]
    request_timeout: Seconds,
    /// How long the store may take for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Bounds::default().store_time))]
    store_timeout: Seconds,
}

impl LimitArgs {
    /// What one call may use.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            time: self.request_timeout.0,
            store_time: self.store_timeout.0,
            instances: self.max_instances,
            ..Bounds::default()
        }
    }

    /// What clients may use.
    pub fn limits(&self) -> Limits {
        Limits {
            client_time: self.client_timeout.0,
            connections: connections(self.max_connections),
            header_bytes: self.max_header_bytes,
            in_flight_bytes: self.max_in_flight_bytes,
        }
    }
}

/// As many connections as wanted, or as there may be open files.
fn connections(wanted: usize) -> usize {
    let needed = wanted.saturating_add(OTHER_FILES);
    let allowed = rlimit::increase_nofile_limit(u64::try_from(needed).unwrap_or(u64::MAX))
        .ok()
        .and_then(|files| usize::try_from(files).ok())
        .unwrap_or(needed);
    if allowed >= needed {
        return wanted;
    }
    let connections = allowed.saturating_sub(OTHER_FILES).max(1);
    tracing::warn!(wanted, connections, "fewer connections: the limit on open files is {allowed}");
    connections
}

/// What is open besides: the store, refused connections, the libraries' own.
const OTHER_FILES: usize = 256;
