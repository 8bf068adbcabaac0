//! The interface that a store implements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::CcsError;

/// A CCS: the interface through which the plugin reads the documents that describe a cluster's
/// modules.
///
/// It is the interface `ccs` of the contract, and has its rules: documents are returned as stored, and
/// the list shows one moment of the store, in the order of the store.
#[async_trait]
pub trait Ccs: Send + Sync {
    /// Returns every module document. An empty store returns an empty list.
    ///
    /// # Errors
    ///
    /// The store's error in one line without credentials, since clients see it.
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError>;

    /// Returns the document stored under `uid`, if there is one. Uids are compared byte by byte.
    ///
    /// # Errors
    ///
    /// As for [`list_documents`](Self::list_documents).
    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError>;

    /// Returns a number that changes with the store's content. By default it is `None`: then only listing the
    /// store shows whether it has changed.
    ///
    /// # Errors
    ///
    /// As for [`list_documents`](Self::list_documents).
    async fn version(&self) -> Result<Option<u64>, CcsError> {
        Ok(None)
    }

    /// Returns the name of the store in messages, such as `redis at 127.0.0.1:6379`, without
    /// credentials. By default, `the store`.
    fn name(&self) -> String {
        "the store".into()
    }
}

/// Waits for an answer of the store within its time.
pub(crate) async fn in_time<T>(
    ccs: &dyn Ccs,
    time: Duration,
    answer: impl Future<Output = Result<T, CcsError>>,
) -> Result<T, CcsError> {
    timeout(time, answer).await.unwrap_or_else(|_| Err(late(ccs.name(), time)))
}

/// Makes the error for a store that does not answer within its time.
pub(crate) fn late(store: impl fmt::Display, time: Duration) -> CcsError {
    CcsError::Unavailable(format!("{store} did not answer within {} ms", time.as_millis()))
}

#[async_trait]
impl<C: Ccs + ?Sized> Ccs for Arc<C> {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        C::list_documents(self).await
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        C::get_document(self, uid).await
    }

    async fn version(&self) -> Result<Option<u64>, CcsError> {
        C::version(self).await
    }

    fn name(&self) -> String {
        C::name(self)
    }
}
