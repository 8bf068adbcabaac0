//! The steps that ask the store.

use alloc::boxed::Box;
use alloc::string::String;

use crate::error::Error;
use crate::limits::Limits;
use crate::step::{Ask, AskDocument, AskDocuments, ListCall, ModuleCall, Step};

/// Returns the step that needs all documents.
pub(crate) fn ask_documents<T>(
    call: impl ListCall<T> + Send + 'static,
    limits: &Limits,
) -> Step<T> {
    Step::Ask(Ask::Documents(AskDocuments { limits: *limits, call: Box::new(call) }))
}

/// Returns the step that needs one document, or the outcome at once where no document can have this
/// uid.
pub(crate) fn ask_document<T>(
    call: impl ModuleCall<T> + Send + 'static,
    uid: &str,
    limits: &Limits,
) -> Step<T> {
    let call = Box::new(call);
    match check_uid(uid, limits) {
        Ok(()) => {
            let uid = String::from(uid);
            Step::Ask(Ask::Document(AskDocument { uid, limits: *limits, call }))
        }
        Err(error) => Step::Done(call.finish(Err(error))),
    }
}

/// Checks that a document can have this uid.
pub(crate) fn check_uid(uid: &str, limits: &Limits) -> Result<(), Error> {
    let (bytes, limit) = (uid.len(), limits.uid_bytes);
    match bytes {
        0 => Err(Error::NotFound),
        _ if bytes > limit => Err(Error::UidTooLong { bytes, limit }),
        _ => Ok(()),
    }
}
