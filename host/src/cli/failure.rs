//! The failure of a command.

use std::fmt;
use std::process::ExitCode;

use ccs_modules_host::{CallError, CatalogError, CcsError, Response};
use serde_json::Value;

/// The failure of a command: its message and exit code.
pub enum Failure {
    /// The roles do not have the permission.
    Forbidden,
    /// There is no such module, with a message that names it.
    NotFound(String),
    /// Any other failure, with its message.
    Other(String),
    /// A failure of a command whose exit code 1 has another meaning.
    Trouble(String),
}

impl Failure {
    /// Makes a failure with this message.
    pub fn other(error: impl fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// The exit code of the process. Code 2 is for wrong usage.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Other(_) => 1,
            Self::Trouble(_) => 2,
            Self::NotFound(_) => 3,
            Self::Forbidden => 4,
        })
    }

    /// Converts a response whose status is not 200.
    pub fn from_response(response: &Response) -> Self {
        match response.status {
            403 => Self::Forbidden,
            404 => Self::NotFound(NO_UID.into()),
            status => {
                let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
                match body.get("description").and_then(Value::as_str) {
                    Some(description) => Self::other(description),
                    None => Self::Other(format!("the response has the status {status}")),
                }
            }
        }
    }
}

/// The message of a failure to get a module by its uid.
const NO_UID: &str = "there is no module with this uid";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden => {
                f.write_str("none of the roles holds the permission view_cluster_modules")
            }
            Self::NotFound(text) | Self::Other(text) | Self::Trouble(text) => f.write_str(text),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Answered(CatalogError::Forbidden) => Self::Forbidden,
            CallError::Answered(CatalogError::NotFound) => Self::NotFound(NO_UID.into()),
            CallError::Answered(
                CatalogError::Malformed(text)
                | CatalogError::Other(text)
                | CatalogError::Unavailable(text),
            ) => Self::Other(text),
            error => Self::other(error),
        }
    }
}

impl From<CcsError> for Failure {
    fn from(error: CcsError) -> Self {
        Self::other(error.reason())
    }
}
