//! Errors of the host.

use std::time::Duration;

use thiserror::Error;
use wasmtime::Trap;

use crate::CatalogError;

/// The error for an artifact that cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The artifact is not a component that this version of wasmtime compiles.
    #[error("cannot compile the artifact: {0}")]
    Compile(String),
    /// The engine does not start: there is too little address space, or no further thread.
    #[error("cannot start the engine: {0}")]
    Engine(String),
    /// The component is of another world: it imports more, or exports less.
    #[error("the artifact is a component of another world: {0}")]
    World(String),
}

/// The error for a call without an answer.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The plugin answered with an error.
    #[error(transparent)]
    Answered(#[from] CatalogError),
    /// The host could not run the plugin.
    #[error("cannot run the plugin: {0}")]
    Host(String),
    /// The plugin needs more memory than its limit.
    #[error("the plugin needs more memory than its limit of {0} bytes")]
    MemoryExhausted(usize),
    /// The call took longer than its timeout.
    #[error("the call did not end within {0:?}")]
    TimedOut(Duration),
    /// The plugin trapped.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
}

impl CallError {
    /// Converts an error of wasmtime.
    pub(crate) fn from_wasmtime(error: &wasmtime::Error) -> Self {
        match error.downcast_ref::<Trap>() {
            Some(trap) => Self::Trapped(trap.to_string()),
            None => Self::Host(format!("{error:#}")),
        }
    }
}
