//! The host's half of an instance: its store and its limits.

use std::sync::Arc;

use tokio::time::timeout;
use wasmtime::ResourceLimiter;

use crate::bindings::ccs::modules::ccs::{Document, Host};
use crate::{CallLimits, Ccs, CcsError};

/// The host's half of one instance.
pub(crate) struct State {
    ccs: Arc<dyn Ccs>,
    limits: CallLimits,
    memory: usize,
    memory_refused: bool,
}

impl State {
    pub(crate) fn new(ccs: Arc<dyn Ccs>, limits: CallLimits) -> Self {
        Self { ccs, limits, memory: 0, memory_refused: false }
    }

    /// The memory that the instance has, in bytes. It never gives any back.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Whether the instance was refused memory over its limit. The guest traps then, and the trap does
    /// not show the cause.
    pub(crate) fn memory_refused(&self) -> bool {
        self.memory_refused
    }
}

impl Host for State {
    async fn list_documents(&mut self) -> Result<Vec<Document>, CcsError> {
        timeout(self.limits.store_timeout, self.ccs.list_documents())
            .await
            .unwrap_or_else(|_| Err(too_slow()))
    }

    async fn get_document(&mut self, uid: String) -> Result<Option<Document>, CcsError> {
        timeout(self.limits.store_timeout, self.ccs.get_document(&uid))
            .await
            .unwrap_or_else(|_| Err(too_slow()))
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limits.memory;
        if allowed {
            self.memory += desired.saturating_sub(current);
        }
        self.memory_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// The limit of table elements, far more than a plugin has functions to call indirectly.
const TABLE_ELEMENTS: usize = 10_000;

fn too_slow() -> CcsError {
    CcsError::Unavailable("the store did not answer in time".into())
}
