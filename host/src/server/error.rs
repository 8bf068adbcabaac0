//! The errors that only a server has.

use ccs_modules::rest::ErrorResponse;

use crate::CallError;

/// The call failed inside the host, which logs the reason.
fn call_failed() -> ErrorResponse {
    let description = "the request could not be answered; the log of the server says why";
    ErrorResponse::new(500, "internal_error", description)
}

/// The answer takes more memory than an instance of a component may have.
pub(super) fn memory_exhausted(limit: usize) -> ErrorResponse {
    let description = format!("the answer takes more memory than the limit of {limit} bytes");
    ErrorResponse::new(500, "memory_exhausted", description)
}

/// The header fields are longer than the server allows.
pub(super) fn headers_too_long() -> ErrorResponse {
    ErrorResponse::new(431, "header_too_long", "the header fields are too long")
}

/// The store gives no catalog: the answer to the readiness probe.
pub(super) fn not_ready() -> ErrorResponse {
    ErrorResponse::new(503, "not_ready", "the store gives no catalog")
}

/// The header field `host` is missing, there twice, or not a host.
pub(super) fn bad_host() -> ErrorResponse {
    let description = "host must be there once, as a name or an address, with or without a port";
    ErrorResponse::new(400, "bad_request", description)
}

/// The head of a request did not arrive in time.
pub(super) fn request_timed_out() -> ErrorResponse {
    ErrorResponse::new(408, "request_timeout", "the request did not arrive in time")
}

/// There are more connections than the server allows.
pub(super) fn too_many_connections() -> ErrorResponse {
    ErrorResponse::new(503, "too_many_connections", "there are too many connections")
}

/// Requests and responses in flight have more memory than the server allows.
pub(super) fn too_much_in_flight() -> ErrorResponse {
    let description = "requests and responses in flight hold too much memory";
    ErrorResponse::new(503, "too_much_in_flight", description)
}

/// The caller could not be found in time, because the cluster did not answer.
pub(super) fn caller_not_found_in_time() -> ErrorResponse {
    ErrorResponse::new(503, "timed_out", "the cluster did not tell in time who is calling")
}

impl From<&CallError> for ErrorResponse {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::MemoryExhausted(limit) => memory_exhausted(*limit),
            CallError::TimedOut(_) => {
                Self::new(503, "timed_out", "the request could not be answered in time")
            }
            _ => call_failed(),
        }
    }
}
