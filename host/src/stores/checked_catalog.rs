//! A catalog that is checked before it is written into a store.

use std::collections::BTreeMap;

use ccs_modules::{
    Ask, Error, Limits, Malformed, Module, Step, Subject, SyntaxError, list_modules, snapshot,
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
    pub fn parse(body: &[u8]) -> Result<Self, SyntaxError> {
        snapshot::check(body, &Limits::default())?;
        let documents = snapshot::split(body)?;
        let modules = list(&documents).map_err(|error| {
            let offset = culprit(&error, &documents).map_or(0, |document| offset(document, body));
            SyntaxError::at(body, offset, error.to_string())
        })?;
        Ok(Self {
            documents: modules.into_iter().map(|module| (module.uid, module.document)).collect(),
        })
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

/// The document that the error is about.
fn culprit<'a>(error: &Error, documents: &[&'a [u8]]) -> Option<&'a [u8]> {
    let Error::Malformed(Malformed { subject, .. }) = error else {
        return None;
    };
    match subject {
        Subject::Document(uid) => {
            let alone = |document: &&[u8]| list(&[*document]).is_err();
            // If each document is valid by itself, two of them share the uid.
            let named =
                |document: &&[u8]| snapshot::find(&[*document], uid, &Limits::default()).is_some();
            let documents = documents.iter().copied();
            documents.clone().find(alone).or_else(|| documents.filter(named).nth(1))
        }
        Subject::DocumentAt(index) => documents.get(*index).copied(),
        Subject::List => None,
    }
}

/// The offset of `part` in `body`.
fn offset(part: &[u8], body: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(body.as_ptr().addr())
}
