//! The error for a server that does not answer.

use std::borrow::Cow;
use std::error::Error as StdError;

use thiserror::Error;

/// The error for a server that does not answer, with the reason in plain words and the cause. It contains
/// neither the name of the server nor credentials.
#[derive(Debug, Error)]
#[error("{reason}")]
pub(crate) struct NetError {
    reason: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl NetError {
    /// Makes an error without a cause.
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), source: None }
    }

    /// Makes an error with its cause.
    pub(crate) fn because(
        reason: impl Into<Cow<'static, str>>,
        cause: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self { reason: reason.into(), source: Some(cause.into()) }
    }

    /// Makes an error from a cause whose words are plain.
    pub(crate) fn of(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::because(cause.to_string(), cause)
    }
}
