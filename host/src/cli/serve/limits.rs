//! The options for limits and timeouts.

use ccs_modules_host::CallLimits;
use ccs_modules_host::server::ConnectionLimits;
use clap::{Args, value_parser};

use crate::cli::duration::Timeout;

/// The options for limits and timeouts of connections, calls and the store.
#[derive(Args)]
pub struct LimitArgs {
    /// The number of connections at a time; the response to further ones is 503.
    #[arg(long, value_name = "N", default_value_t = ConnectionLimits::default().connections)]
    max_connections: usize,
    /// The length of the header fields of a request, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = ConnectionLimits::default().header_bytes)]
    max_header_bytes: usize,
    /// The memory that requests and responses in flight take together, in bytes; the response to
    /// further requests is 503.
    #[arg(long, value_name = "BYTES", default_value_t = ConnectionLimits::default().in_flight_bytes)]
    max_in_flight_bytes: usize,
    /// The memory of an instance of the component, in bytes. A list of 100,000 modules of 900 bytes
    /// takes up to 400 MB.
    #[arg(long, value_name = "BYTES", requires = "component", default_value_t = CallLimits::default().memory)]
    max_instance_memory: usize,
    /// The length of an answer of the store, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = CallLimits::default().store_bytes)]
    max_store_bytes: usize,
    /// The number of instances of the component at a time; further requests wait.
    #[arg(long, value_name = "N", default_value_t = CallLimits::default().instances, requires = "component", value_parser = value_parser!(u32).range(1..))]
    max_instances: u32,
    /// The time in which a client must send or take its next bytes, such as 500ms or 30s.
    #[arg(long, value_name = "DURATION", default_value_t = Timeout::of(ConnectionLimits::default().client_timeout))]
    client_timeout: Timeout,
    /// The time from a request to its response, such as 500ms or 30s.
    #[arg(long, value_name = "DURATION", default_value_t = Timeout::of(CallLimits::default().timeout))]
    request_timeout: Timeout,
    /// The time that the store has for an answer, such as 500ms or 30s.
    #[arg(long, value_name = "DURATION", default_value_t = Timeout::of(CallLimits::default().store_timeout))]
    store_timeout: Timeout,
}

impl LimitArgs {
    /// The limits of one call.
    pub fn call_limits(&self) -> CallLimits {
        CallLimits {
            timeout: self.request_timeout.0,
            store_timeout: self.store_timeout.0,
            instances: self.max_instances,
            memory: self.max_instance_memory,
            store_bytes: self.max_store_bytes,
        }
    }

    /// The limits of connections.
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            client_timeout: self.client_timeout.0,
            connections: connections(self.max_connections),
            header_bytes: self.max_header_bytes,
            in_flight_bytes: self.max_in_flight_bytes,
            request_timeout: self.request_timeout.0,
        }
    }
}

/// The number of connections that is wanted, or that the limit on open files permits.
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

/// The number of open files that are not served connections: of the store, refused connections, and libraries.
const OTHER_FILES: usize = 256;
