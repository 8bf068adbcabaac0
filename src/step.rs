//! The conversation between the core and a shell.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::checked::{Catalog, CheckedDocument};
use crate::error::{Error, StoreError};
use crate::limits::Limits;
use crate::module::Document;

/// The first step of a call: its outcome, or a question for the store.
///
/// No call asks more than once, so a shell needs no loop.
#[derive(Debug)]
#[must_use = "a step contains the outcome, or a question that waits for its answer"]
pub enum Step<T> {
    /// The store is needed.
    Ask(Ask<T>),
    /// The outcome: the store is not needed.
    Done(T),
}

/// A question for the store. The answer consumes it and gives the outcome of the call.
///
/// It owns its data, so a shell can keep it between two callbacks or across an `.await`.
#[derive(Debug)]
#[must_use = "an ask waits for its answer"]
pub enum Ask<T> {
    /// One document is needed.
    Document(AskDocument<T>),
    /// All documents are needed.
    Documents(AskDocuments<T>),
}

impl<T> Ask<T> {
    /// Returns the outcome for a store that gives no answer.
    ///
    /// ```
    /// use ccs_modules::{Error, Limits, Step, StoreError, get_module};
    ///
    /// let Step::Ask(ask) = get_module(&["admin"], "a", &Limits::default()) else { panic!() };
    /// let error = Error::Store(StoreError::Unavailable("connection refused".into()));
    /// assert_eq!(ask.fail(error.clone()), Err(error));
    /// ```
    pub fn fail(self, error: impl Into<Error>) -> T {
        match self {
            Self::Document(ask) => (ask.outcome)(Err(error.into())),
            Self::Documents(ask) => (ask.outcome)(Err(error.into())),
        }
    }
}

/// The question for every document of the store, in the store's order.
#[must_use = "an ask waits for its answer"]
pub struct AskDocuments<T> {
    limits: Limits,
    pub(crate) outcome: Box<OfCatalog<T>>,
}

/// A call that needs all documents.
type OfCatalog<T> = dyn FnOnce(Result<Catalog<'_>, Error>) -> T + Send;

impl<T> AskDocuments<T> {
    /// Returns the outcome, given the documents as stored, or the reason why the store gave none.
    ///
    /// An `Ask` is answered once:
    ///
    /// ```compile_fail,E0382
    /// # let step = ccs_modules::list_modules(&["admin"], &Default::default());
    /// # let ccs_modules::Step::Ask(ccs_modules::Ask::Documents(ask)) = step else { panic!() };
    /// ask.answer(Ok(vec![b"{}"]));
    /// ask.answer(Ok(vec![b"{}"])); // use of moved value
    /// ```
    ///
    /// and a list is not answered with a single document:
    ///
    /// ```compile_fail,E0308
    /// # let step = ccs_modules::list_modules(&["admin"], &Default::default());
    /// # let ccs_modules::Step::Ask(ccs_modules::Ask::Documents(ask)) = step else { panic!() };
    /// ask.answer(Ok(Some(b"{}"))); // expected a vector
    /// ```
    pub fn answer<D: AsRef<[u8]>>(self, documents: Result<Vec<D>, StoreError>) -> T {
        let documents = match &documents {
            Ok(documents) => documents.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            Err(error) => return (self.outcome)(Err(error.clone().into())),
        };
        (self.outcome)(Ok(Catalog::Stored { documents: &documents, limits: &self.limits }))
    }
}

/// The question for one document.
#[must_use = "an ask waits for its answer"]
pub struct AskDocument<T> {
    uid: String,
    pub(crate) limits: Limits,
    pub(crate) outcome: Box<OfDocument<T>>,
}

/// A call that needs one document.
type OfDocument<T> = dyn FnOnce(Result<CheckedDocument<'_>, Error>) -> T + Send;

impl<T> AskDocument<T> {
    /// Returns the uid of the document that is needed: not empty, and no longer than the limit.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the outcome, given the document as stored, `None` if the store has no such document, or
    /// the reason why the store gave no answer.
    ///
    /// ```compile_fail,E0308
    /// # let step = ccs_modules::get_module(&["admin"], "1", &Default::default());
    /// # let ccs_modules::Step::Ask(ccs_modules::Ask::Document(ask)) = step else { panic!() };
    /// ask.answer(Ok(vec![b"{}"])); // expected an option
    /// ```
    pub fn answer<D: AsRef<[u8]>>(self, document: Result<Option<D>, StoreError>) -> T {
        let stored = document.map_err(Error::Store).and_then(|it| it.ok_or(Error::NotFound));
        let document = stored.as_ref().map_err(Clone::clone).and_then(|stored| {
            Document::check_asked(stored.as_ref(), &self.uid, &self.limits)
                .map_err(Error::Malformed)
        });
        (self.outcome)(document.map(CheckedDocument::Stored))
    }
}

impl<T> Step<T> {
    /// Makes the step that needs all documents.
    pub(crate) fn documents(
        limits: &Limits,
        outcome: impl FnOnce(Result<Catalog<'_>, Error>) -> T + Send + 'static,
    ) -> Self {
        Self::Ask(Ask::Documents(AskDocuments { limits: *limits, outcome: Box::new(outcome) }))
    }

    /// Makes the step that needs one document, or the outcome at once if no document can have this uid.
    pub(crate) fn document(
        uid: &str,
        limits: &Limits,
        outcome: impl FnOnce(Result<CheckedDocument<'_>, Error>) -> T + Send + 'static,
    ) -> Self {
        let (uid, outcome) = match check_uid(uid, limits) {
            Ok(()) => (uid.into(), Box::new(outcome)),
            Err(error) => return Self::Done(outcome(Err(error))),
        };
        Self::Ask(Ask::Document(AskDocument { uid, limits: *limits, outcome }))
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

impl<T> fmt::Debug for AskDocuments<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskDocuments").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for AskDocument<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskDocument").field("uid", &self.uid).finish_non_exhaustive()
    }
}
