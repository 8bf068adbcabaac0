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
    /// The store's error in this call, if its answer was too long: the contract has no case for it.
    pub(crate) too_long: Option<String>,
}

impl State {
    pub(crate) fn new(ccs: Arc<dyn Ccs>, limits: CallLimits) -> Self {
        Self { ccs, limits, memory: Memory::new(limits.memory), too_long: None }
    }

    /// Converts an error of the store into the contract's.
    fn failed(&mut self, error: CcsError) -> Error {
        match error {
            CcsError::Denied(why) => Error::Denied(why),
            CcsError::Unavailable(why) => Error::Unavailable(why),
            CcsError::TooLong(why) => {
                self.too_long = Some(why.clone());
                Error::Other(why)
            }
            error => Error::Other(error.reason().into()),
        }
    }
}

impl Host for State {
    async fn list_documents(&mut self) -> Result<Vec<Document>, Error> {
        let answer = self.ccs.list_documents();
        let answer = in_time(&*self.ccs, self.limits.store_timeout, answer).await;
        answer.map_err(|error| self.failed(error))
    }

    async fn get_document(&mut self, uid: String) -> Result<Option<Document>, Error> {
        let answer = self.ccs.get_document(&uid);
        let answer = in_time(&*self.ccs, self.limits.store_timeout, answer).await;
        answer.map_err(|error| self.failed(error))
    }
}
