//! A store for tests, with a given behaviour.

use std::collections::BTreeMap;
use std::future::pending;

use async_trait::async_trait;

use crate::stores::Documents;
use crate::{Ccs, CcsError};

/// A store for tests: it answers with any bytes, fails or stalls.
#[derive(Clone, Debug)]
pub enum Scripted {
    /// Answers with these documents.
    Answers {
        /// The documents of the list, in this order.
        documents: Vec<Vec<u8>>,
        /// The answer for a uid, which may be a document with another uid. The answer for any other
        /// uid is the first of `documents` that has it.
        by_uid: BTreeMap<String, Vec<u8>>,
    },
    /// Fails with this error.
    Fails(CcsError),
    /// Never answers.
    Stalls,
}

impl Scripted {
    /// Makes a store that answers with these documents.
    pub fn documents<D: Into<Vec<u8>>>(documents: impl IntoIterator<Item = D>) -> Self {
        Self::Answers {
            documents: documents.into_iter().map(Into::into).collect(),
            by_uid: BTreeMap::new(),
        }
    }
}

#[async_trait]
impl Ccs for Scripted {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        match self {
            Self::Answers { documents, .. } => Ok(documents.clone()),
            Self::Fails(error) => Err(error.clone()),
            Self::Stalls => pending().await,
        }
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        match self {
            Self::Answers { documents, by_uid } => match by_uid.get(uid) {
                Some(document) => Ok(Some(document.clone())),
                None => Documents::from(documents.clone()).get_document(uid).await,
            },
            Self::Fails(error) => Err(error.clone()),
            Self::Stalls => pending().await,
        }
    }
}
