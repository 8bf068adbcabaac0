//! The steps that ask the store.

use alloc::boxed::Box;
use alloc::string::String;

use crate::error::Error;
use crate::limits::Limits;
use crate::step::{Ask, AskDocument, AskDocuments, OutcomeBuilder, Step};

/// Returns the step that needs all documents.
pub(crate) fn ask_documents<T>(
    builder: impl OutcomeBuilder<T> + Send + 'static,
    limits: &Limits,
) -> Step<T> {
    Step::Ask(Ask::Documents(AskDocuments { limits: *limits, builder: Box::new(builder) }))
}

/// Returns the step that needs one document, or the outcome at once where no document can have this
/// uid.
pub(crate) fn ask_document<T>(
    builder: impl OutcomeBuilder<T> + Send + 'static,
    uid: &str,
    limits: &Limits,
) -> Step<T> {
    let builder = Box::new(builder);
    if uid.is_empty() {
        return Step::Done(builder.finish(Err(Error::NotFound)));
    }
    if uid.len() > limits.uid_bytes {
        let (bytes, limit) = (uid.len(), limits.uid_bytes);
        return Step::Done(builder.finish(Err(Error::UidTooLong { bytes, limit })));
    }
    Step::Ask(Ask::Document(AskDocument { uid: String::from(uid), limits: *limits, builder }))
}
