//! The typed calls, `catalog` in the WIT.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::access::may_view_modules;
use crate::error::Error;
use crate::limits::Limits;
use crate::module::{Document, Module};
use crate::step::{Ask, AskDocument, AskDocuments, Collect, Step};

/// Begins listing every module, in the store's order, for a caller with these management roles.
///
/// # Errors
///
/// [`Error::Forbidden`] at once; after the answer [`Error::Store`], or [`Error::Malformed`] if any
/// document is malformed or two share a uid: a list is complete or it is an error.
pub fn list_modules<R: AsRef<str>>(
    roles: &[R],
    limits: &Limits,
) -> Step<Result<Vec<Module>, Error>> {
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    ask_documents(Modules(Vec::new()), limits)
}

/// Begins getting the module with this uid, for a caller with these management roles.
///
/// # Errors
///
/// [`Error::Forbidden`], [`Error::UidTooLong`], or [`Error::NotFound`] for the empty uid, which no
/// module has, at once; after the answer [`Error::NotFound`], [`Error::Store`], or
/// [`Error::Malformed`] if the document is, or has another uid.
pub fn get_module<R: AsRef<str>>(
    roles: &[R],
    uid: &str,
    limits: &Limits,
) -> Step<Result<Module, Error>> {
    if !may_view_modules(roles) {
        return Step::Done(Err(Error::Forbidden));
    }
    ask_document(Modules(Vec::new()), uid, limits)
}

/// The step that needs all documents.
pub(crate) fn ask_documents<T>(
    collect: impl Collect<T> + Send + 'static,
    limits: &Limits,
) -> Step<T> {
    Step::Ask(Ask::Documents(AskDocuments { limits: *limits, collect: Box::new(collect) }))
}

/// The step that needs one document, if a document can have this uid.
pub(crate) fn ask_document<T>(
    collect: impl Collect<T> + Send + 'static,
    uid: &str,
    limits: &Limits,
) -> Step<T> {
    let collect = Box::new(collect);
    if uid.is_empty() {
        return Step::Done(collect.finish(Err(Error::NotFound)));
    }
    if uid.len() > limits.uid_bytes {
        let (bytes, limit) = (uid.len(), limits.uid_bytes);
        return Step::Done(collect.finish(Err(Error::UidTooLong { bytes, limit })));
    }
    Step::Ask(Ask::Document(AskDocument { uid: String::from(uid), limits: *limits, collect }))
}

struct Modules(Vec<Module>);

impl Collect<Result<Vec<Module>, Error>> for Modules {
    fn expect(&mut self, documents: usize, _bytes: usize) {
        self.0.reserve_exact(documents);
    }

    fn add(&mut self, document: Document<'_>) {
        self.0.push(document.into_module());
    }

    fn finish(self: Box<Self>, complete: Result<(), Error>) -> Result<Vec<Module>, Error> {
        complete.map(|()| self.0)
    }
}

impl Collect<Result<Module, Error>> for Modules {
    fn add(&mut self, document: Document<'_>) {
        self.0.push(document.into_module());
    }

    fn finish(mut self: Box<Self>, complete: Result<(), Error>) -> Result<Module, Error> {
        complete.and_then(|()| self.0.pop().ok_or(Error::NotFound))
    }
}
