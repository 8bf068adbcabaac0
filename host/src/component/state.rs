//! The host's half of an instance of the plugin: its store.

use std::sync::Arc;

use crate::ccs::in_time;
use crate::component::bindings::ccs::modules::ccs::{Document, Error, Host};
use crate::component::memory::Memory;
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

impl From<CcsError> for Error {
    fn from(error: CcsError) -> Self {
        match error {
            CcsError::Denied(why) => Self::Denied(why),
            CcsError::TooLong(why) => Self::TooLong(why),
            CcsError::Unavailable(why) => Self::Unavailable(why),
            error => Self::Other(error.reason().into()),
        }
    }
}

impl Host for State {
    async fn list_documents(&mut self) -> Result<Vec<Document>, Error> {
        let answer = self.ccs.list_documents();
        Ok(in_time(&*self.ccs, self.limits.store_timeout, answer).await?)
    }

    async fn get_document(&mut self, uid: String) -> Result<Option<Document>, Error> {
        let answer = self.ccs.get_document(&uid);
        Ok(in_time(&*self.ccs, self.limits.store_timeout, answer).await?)
    }
}
