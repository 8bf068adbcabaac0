//! What the host says when there is no answer.

use std::time::Duration;

use thiserror::Error;
use wasmtime::Trap;

use crate::CatalogError;

/// Why an artifact could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The artifact is not a component, or not one for this version of wasmtime.
    #[error("cannot compile the artifact: {0}")]
    Compile(String),
    /// The engine does not start here: too little address space, or no thread to be had.
    #[error("cannot start the engine: {0}")]
    Engine(String),
    /// The component imports more than the store, or does not export the world `plugin`.
    #[error("the artifact is not a plugin: {0}")]
    World(String),
}

/// Why a call has no answer.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The plugin answered, and its answer is an error.
    #[error(transparent)]
    Answered(#[from] CatalogError),
    /// The plugin could not be run: the failure is the host's.
    #[error("cannot run the plugin: {0}")]
    Host(String),
    /// The plugin needed more memory than its bound.
    #[error("the plugin needs more memory than its {0} bytes")]
    MemoryExhausted(usize),
    /// The call took longer than its bound.
    #[error("the call did not end within {0:?}")]
    TimedOut(Duration),
    /// The plugin broke off.
    #[error("the plugin broke off: {0}")]
    Trapped(String),
}

impl CallError {
    /// What a failure inside wasmtime is to the caller.
    pub(crate) fn from_wasmtime(error: &wasmtime::Error) -> Self {
        match error.downcast_ref::<Trap>() {
            Some(trap) => Self::Trapped(trap.to_string()),
            None => Self::Host(format!("{error:#}")),
        }
    }
}
