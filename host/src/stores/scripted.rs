//! A store that does what a test says.

use std::collections::BTreeMap;
use std::future::pending;

use async_trait::async_trait;

use crate::stores::Snapshot;
use crate::{Ccs, CcsError};

/// A store for tests: it answers with any bytes, lies, fails or stalls.
#[derive(Clone, Debug)]
pub enum Scripted {
    /// Answers.
    Answers {
        /// The documents of the list, in this order.
        documents: Vec<Vec<u8>>,
        /// What is found under a uid, whatever is in it. Under any other uid is the first of
        /// `documents` that has it.
        by_uid: BTreeMap<String, Vec<u8>>,
    },
    /// Fails.
    Fails(CcsError),
    /// Never answers.
    Stalls,
}

impl Scripted {
    /// Answers truthfully, with these documents.
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
                None => Snapshot::from(documents.clone()).get_document(uid).await,
            },
            Self::Fails(error) => Err(error.clone()),
            Self::Stalls => pending().await,
        }
    }
}
