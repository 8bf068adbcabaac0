//! A catalog that is checked before it is written into a store.

use std::collections::BTreeMap;

use ccs_modules::{
    Ask, Error, Limits, Module, Snapshot, SnapshotError, Step, list_modules, snapshot,
};

/// A catalog whose documents are all valid, each in its canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedCatalog {
    documents: BTreeMap<String, String>,
}

impl CheckedCatalog {
    /// Checks a body of `GET /v1/modules` by the rules by which it is listed.
    ///
    /// # Errors
    ///
    /// When the body is not an array of module documents with different uids. The error has the
    /// position of the byte or of the document.
    pub fn parse(body: &[u8]) -> Result<Self, SnapshotError> {
        let limits = Limits::default();
        let by_uid = |document| {
            let uid = snapshot::uid(document, &limits).unwrap_or_default();
            (uid.into_owned(), String::from_utf8_lossy(document).into_owned())
        };
        let documents = Snapshot::parse(body, &limits)?.documents().map(by_uid).collect();
        Ok(Self { documents })
    }

    /// The documents by uid.
    pub fn documents(&self) -> &BTreeMap<String, String> {
        &self.documents
    }
}

/// Lists the documents as the core does, which refuses a catalog that is not valid.
pub(super) fn list(documents: &[&[u8]]) -> Result<Vec<Module>, Error> {
    match list_modules(&["admin"], &Limits::default()) {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(documents.to_vec())),
        Step::Ask(Ask::Document(ask)) => ask.answer(Ok(None::<&[u8]>)),
    }
}
