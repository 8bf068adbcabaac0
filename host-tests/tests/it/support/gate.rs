//! A store that waits for the test's permission to answer.

use std::sync::Arc;

use async_trait::async_trait;
use ccs_modules_host::{Ccs, CcsError};
use tokio::sync::Semaphore;

/// A store without documents that waits for the test's permission to answer. Clones are the same
/// store.
#[derive(Clone)]
pub struct Gate {
    asked: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Gate {
    pub fn closed() -> Self {
        Self { asked: Arc::new(Semaphore::new(0)), answers: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until the store has been asked once more.
    pub async fn asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    /// Permits one answer.
    pub fn open(&self) {
        self.answers.add_permits(1);
    }
}

#[async_trait]
impl Ccs for Gate {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        self.asked.add_permits(1);
        self.answers.acquire().await.unwrap().forget();
        Ok(Vec::new())
    }

    async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.list_documents().await?;
        Ok(None)
    }
}
