//! A store in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use ccs_modules::{Limits, SyntaxError, body};

use crate::{Ccs, CcsError};

/// The documents of a body of `GET /v1/modules`, kept in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    documents: Vec<Vec<u8>>,
    /// The first document with each uid.
    by_uid: HashMap<String, usize>,
}

impl Documents {
    /// Splits a body, a JSON array, into its documents. It does not check the documents.
    ///
    /// # Errors
    ///
    /// When the body is not an array of objects, or text follows the array.
    pub fn parse(body: &[u8]) -> Result<Self, SyntaxError> {
        let documents = body::split(body)?.into_iter().map(<[u8]>::to_vec);
        Ok(documents.collect::<Vec<_>>().into())
    }

    /// The documents, in their order.
    pub fn into_documents(self) -> Vec<Vec<u8>> {
        self.documents
    }
}

impl From<Vec<Vec<u8>>> for Documents {
    fn from(documents: Vec<Vec<u8>>) -> Self {
        let limits = Limits::default();
        let mut by_uid = HashMap::with_capacity(documents.len());
        for (index, document) in documents.iter().enumerate() {
            if let Some(uid) = body::uid(document, &limits) {
                by_uid.entry(uid.into_owned()).or_insert(index);
            }
        }
        Self { documents, by_uid }
    }
}

#[async_trait]
impl Ccs for Documents {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        Ok(self.documents.clone())
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        Ok(self.by_uid.get(uid).and_then(|index| self.documents.get(*index)).cloned())
    }

    async fn version(&self) -> Result<Option<u64>, CcsError> {
        Ok(Some(0))
    }
}
