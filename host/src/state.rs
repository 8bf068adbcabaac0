//! The host's half of an instance of the plugin: its store.

use std::sync::Arc;

use tokio::time::timeout;

use crate::bindings::ccs::modules::ccs::{Document, Host};
use crate::memory::Memory;
use crate::{CallLimits, Ccs, CcsError};

/// The host's half of one instance of the plugin.
pub(crate) struct State {
    ccs: Arc<dyn Ccs>,
    limits: CallLimits,
    pub(crate) memory: Memory,
}

impl State {
    pub(crate) fn new(ccs: Arc<dyn Ccs>, limits: CallLimits) -> Self {
        Self { ccs, limits, memory: Memory::new(limits.memory) }
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

fn too_slow() -> CcsError {
    CcsError::Unavailable("the store did not answer in time".into())
}
