//! The store, as the contract's import sees it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::CcsError;

/// A CCS: where the documents that describe a cluster's modules are read from.
///
/// This is the contract's interface `ccs`, and its rules hold: documents are handed on as stored,
/// the list is one moment of the store and keeps its order.
#[async_trait]
pub trait Ccs: Send + Sync {
    /// Every module document. An empty store is an empty list.
    ///
    /// # Errors
    ///
    /// What the store said, in one line and without credentials: clients see it.
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError>;

    /// The document stored under `uid`, compared byte for byte.
    ///
    /// # Errors
    ///
    /// As for [`list_documents`](Self::list_documents). Absence is not an error.
    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError>;
}

#[async_trait]
impl<C: Ccs + ?Sized> Ccs for Arc<C> {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        C::list_documents(self).await
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        C::get_document(self, uid).await
    }
}
