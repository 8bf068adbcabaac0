//! What went wrong, in one line that a client may read.
//!
//! Nothing that Redis wrote is repeated but the code of its error, the first word: the rest may hold
//! the arguments of a command, and so a password.

use redis::{ErrorKind, RedisError};

use super::RedisAddress;
use super::address::Place;
use crate::CcsError;

/// What an error is to whoever asked the store.
pub(super) fn failure(address: &RedisAddress, error: &RedisError) -> CcsError {
    let place = Place(address);
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            CcsError::Denied(format!("redis at {place} does not accept the credentials"))
        }
        ErrorKind::Io => CcsError::Unavailable(format!("redis at {place}: {}", reason(error))),
        ErrorKind::Parse => {
            CcsError::Other(format!("what answers at {place} does not speak as a redis does"))
        }
        _ => match code(error) {
            Some(code) => refusal(address, &code, error.detail().unwrap_or_default()),
            None => CcsError::Other(format!("redis at {place}: {}", error.category())),
        },
    }
}

/// What an answer is that is longer than agreed.
pub(super) fn too_long(address: &RedisAddress, limit: usize) -> CcsError {
    let place = Place(address);
    CcsError::Other(format!("redis at {place} answers with more than {limit} bytes"))
}

/// What Redis said instead of an answer.
fn refusal(address: &RedisAddress, code: &str, detail: &str) -> CcsError {
    let place = Place(address);
    let key = address.key();
    match code {
        "DENIED" => CcsError::Denied(format!("redis at {place} is in protected mode")),
        "NOAUTH" => CcsError::Denied(format!("redis at {place} asks for a password")),
        "NOPERM" => CcsError::Denied(format!(
            "redis at {place} does not let this user run the command or use the key {key}"
        )),

        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "TRYAGAIN" => {
            CcsError::Unavailable(format!("redis at {place} is not ready: {code}"))
        }
        "ERR" if detail.starts_with("max number of clients") => {
            CcsError::Unavailable(format!("redis at {place} has no connection to spare"))
        }

        "ASK" | "MOVED" => {
            CcsError::Other(format!("the key {key} is on another node than redis at {place}"))
        }
        "ERR" if detail.starts_with("DB index") => CcsError::Other(format!(
            "redis at {place} does not have the database {}",
            address.database()
        )),
        "READONLY" => CcsError::Other(format!("redis at {place} is a read-only replica")),
        "WRONGTYPE" => {
            CcsError::Other(format!("the key {key} of redis at {place} does not hold a hash"))
        }
        code => CcsError::Other(format!("redis at {place} answers with the error {code}")),
    }
}

/// The code of the error, of the first one where a transaction has several.
fn code(error: &RedisError) -> Option<String> {
    let code = match error.clone().into_server_errors() {
        Some(errors) => errors.first()?.1.code().to_owned(),
        None => error.code()?.to_owned(),
    };
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then_some(code)
}

fn reason(error: &RedisError) -> String {
    if error.is_timeout() {
        "no answer in time".into()
    } else if error.is_connection_refusal() {
        "connection refused".into()
    } else if error.is_connection_dropped() {
        "connection lost".into()
    } else {
        // Of the system, of TLS or of the resolver; none of them knows a password.
        error.to_string()
    }
}
