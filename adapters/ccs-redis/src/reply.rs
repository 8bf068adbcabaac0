//! What Redis's replies mean here.

use alloc::format;
use alloc::string::String;

use resp_rs::resp2::Frame;

use crate::bindings::exports::ccs::modules::ccs::Error;

/// The reply to a command, if it is no error.
pub(crate) fn accept(reply: Frame) -> Result<Frame, Error> {
    match reply {
        Frame::Error(text) => Err(error(&text)),
        reply => Ok(reply),
    }
}

/// The reply to a login. An error says that the user is not let in, unless it says something else.
pub(crate) fn accept_login(reply: Frame) -> Result<(), Error> {
    accept(reply).map(drop).map_err(|error| match error {
        Error::Other(text) => Error::Denied(text),
        error => error,
    })
}

/// A reply that does not belong to the command, or is none at all.
pub(crate) fn unexpected() -> Error {
    Error::Other("what answers does not speak as a redis does".into())
}

/// An error is shown by its code alone: the text after it may name users and keys.
fn error(text: &[u8]) -> Error {
    let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
    let said = format!("redis answers with the error {}", String::from_utf8_lossy(code));
    match code {
        b"DENIED" | b"NOAUTH" | b"NOPERM" | b"WRONGPASS" => Error::Denied(said),
        b"BUSY" | b"CLUSTERDOWN" | b"LOADING" | b"MASTERDOWN" | b"TRYAGAIN" => {
            Error::Unavailable(said)
        }
        // The one condition without a code of its own that passes by itself.
        b"ERR" if text.ends_with(b"max number of clients reached") => {
            Error::Unavailable("redis has no connection to spare".into())
        }
        _ => Error::Other(said),
    }
}
