//! The steps that ask the store.

use alloc::boxed::Box;
use alloc::string::String;

use crate::error::Error;
use crate::image::{Builder, View};
use crate::limits::Limits;
use crate::list::Sink;
use crate::module::Document;
use crate::step::{Ask, AskDocument, AskDocuments, ListCall, ModuleCall, Step};

/// Returns the step that needs all documents.
pub(crate) fn ask_documents<T>(
    call: impl ListCall<T> + Send + 'static,
    limits: &Limits,
) -> Step<T> {
    Step::Ask(Ask::Documents(AskDocuments { limits: *limits, call: Box::new(call) }))
}

/// Returns the step that needs the whole catalog. Documents of a store become the image of a snapshot
/// first, so that a store and a snapshot are answered from in one way.
pub(crate) fn ask_catalog<T>(
    outcome: impl FnOnce(Result<View<'_>, Error>) -> T + Send + 'static,
    limits: &Limits,
) -> Step<T> {
    ask_documents(CatalogCall { catalog: Builder::default(), outcome }, limits)
}

/// A call whose outcome is a function of the whole catalog.
struct CatalogCall<F> {
    catalog: Builder,
    outcome: F,
}

impl<F> Sink for CatalogCall<F> {
    fn reserve(&mut self, documents: usize, bytes: usize) {
        self.catalog.reserve(documents, bytes);
    }

    fn add(&mut self, document: Document<'_>) {
        self.catalog.add(document);
    }
}

impl<T, F: FnOnce(Result<View<'_>, Error>) -> T> ListCall<T> for CatalogCall<F> {
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> T {
        let Self { catalog, outcome } = *self;
        match complete.and_then(|()| catalog.finish().map_err(Error::Malformed)) {
            Ok((image, trailer)) => outcome(Ok(View { image: &image, trailer })),
            Err(error) => outcome(Err(error)),
        }
    }

    fn answer_from(self: Box<Self>, snapshot: View<'_>, _: &Limits) -> T {
        (self.outcome)(Ok(snapshot))
    }
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
