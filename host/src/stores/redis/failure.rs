//! Errors of a Redis store, in one line that a client of the API may read.
//!
//! Of an error reply only the code, its first word, is shown. The other words may contain the arguments
//! of a command, and so a password.

use std::time::Duration;

use redis::RedisError;

use super::RedisAddress;
use super::address::HostPort;
use crate::CcsError;
use crate::ccs::late;
use crate::net::NetError;

/// The store's error for an error of the Redis client. A call has `time`.
pub(super) fn failure(address: &RedisAddress, error: &RedisError, time: Duration) -> CcsError {
    let server = HostPort(address);
    match error.kind() {
        redis::ErrorKind::AuthenticationFailed => CcsError::Denied(format!(
            "redis at {server} does not accept the credentials: check the user and the password \
                 in the address of the store, or REDISCLI_AUTH"
        )),
        redis::ErrorKind::Io if error.is_timeout() => late(format!("redis at {server}"), time),
        redis::ErrorKind::Io => {
            CcsError::Unavailable(format!("redis at {server}: {}", reason(error)))
        }
        redis::ErrorKind::Parse => CcsError::Other(format!(
            "the server at {server} does not speak the Redis protocol; a port for TLS needs rediss://"
        )),
        _ => match code(error) {
            Some(code) => refusal(address, &code, error.detail().unwrap_or_default()),
            None => CcsError::Other(format!("redis at {server}: {}", error.category())),
        },
    }
}

/// The error for a reply that exceeds the limit.
pub(super) fn too_long(address: &RedisAddress, limit: usize) -> CcsError {
    let server = HostPort(address);
    CcsError::TooLong(format!("a reply of redis at {server} is longer than {limit} bytes"))
}

/// The error for a key that does not exist.
pub(super) fn missing(address: &RedisAddress) -> CcsError {
    CcsError::Unavailable(format!(
        "the key {} is missing in database {} of redis at {}: load a catalog into it, or add \
         missing=empty to the address of the store",
        address.key(),
        address.database(),
        HostPort(address)
    ))
}

/// The store's error for an error reply of Redis.
fn refusal(address: &RedisAddress, code: &str, detail: &str) -> CcsError {
    let server = HostPort(address);
    let key = address.key();
    match code {
        "DENIED" => CcsError::Denied(format!(
            "redis at {server} is in protected mode: it needs a password, or this host in its settings"
        )),
        "NOAUTH" => CcsError::Denied(format!(
            "redis at {server} asks for a password: write it into the address of the store, or into \
             REDISCLI_AUTH"
        )),
        "NOPERM" => CcsError::Denied(format!(
            "redis at {server} does not let this user run the command or use the key {key}: reading \
             takes HVALS, HGET and EXISTS, writing WATCH, HGETALL, MULTI, EXEC, DEL and HSET"
        )),

        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "TRYAGAIN" => {
            CcsError::Unavailable(format!("redis at {server} is not ready: {code}"))
        }
        "ERR" if detail.starts_with("max number of clients") => CcsError::Unavailable(format!(
            "redis at {server} has as many clients as its setting maxclients permits"
        )),

        "ASK" | "MOVED" => CcsError::Other(format!(
            "the key {key} is on another node than redis at {server}: use the address of that node"
        )),
        "ERR" if detail.starts_with("DB index") => CcsError::Other(format!(
            "redis at {server} does not have the database {}",
            address.database()
        )),
        "MISCONF" => CcsError::Other(format!(
            "redis at {server} cannot save its data to disk, and so lets nobody write"
        )),
        "OOM" => CcsError::Other(format!(
            "redis at {server} has no memory left to write: its setting maxmemory is reached"
        )),
        "READONLY" => CcsError::Other(format!("redis at {server} is a read-only replica")),
        "WRONGTYPE" => {
            CcsError::Other(format!("the key {key} of redis at {server} does not hold a hash"))
        }
        "ERR" if detail.starts_with("unknown command") => CcsError::Other(format!(
            "redis at {server} does not know a command: reading takes HVALS, HGET and EXISTS, writing \
             WATCH, HGETALL, MULTI, EXEC, DEL and HSET"
        )),
        code => {
            CcsError::Other(format!("redis at {server} refuses the command with the error {code}"))
        }
    }
}

/// The code of an error reply; the first one, if a transaction has several.
fn code(error: &RedisError) -> Option<String> {
    let code = match error.clone().into_server_errors() {
        Some(errors) => errors.first()?.1.code().to_owned(),
        None => error.code()?.to_owned(),
    };
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then_some(code)
}

fn reason(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        "connection refused".into()
    } else if error.is_connection_dropped() {
        "connection lost".into()
    } else {
        // An error of the operating system or of TLS: neither knows a password.
        error.to_string()
    }
}

/// The error for a connection that could not be made.
pub(super) fn not_connected(address: &RedisAddress, error: &NetError) -> CcsError {
    CcsError::Unavailable(format!("redis at {}: {error}", HostPort(address)))
}
