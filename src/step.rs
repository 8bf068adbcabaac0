//! The conversation between the core and a shell.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Malformed, StoreError, Subject};
use crate::image::{Entry, View};
use crate::limits::Limits;
use crate::list::{self, Sink};
use crate::module::Document;

/// The first step of a call: its outcome, or a question for the store.
///
/// No call asks more than once, so a shell needs no loop.
#[derive(Debug)]
#[must_use = "a step says what to fetch, or holds the outcome"]
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

/// The question for every document of the store, in the store's order.
#[must_use = "an ask waits for its answer"]
pub struct AskDocuments<T> {
    pub(crate) limits: Limits,
    pub(crate) call: Box<dyn ListCall<T> + Send>,
}

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
        let mut call = self.call;
        let complete = documents.map_err(Error::Store).and_then(|documents| {
            list::check(&documents, &self.limits, call.as_mut()).map_err(Error::Malformed)
        });
        call.finish(complete)
    }
}

/// The question for one document.
#[must_use = "an ask waits for its answer"]
pub struct AskDocument<T> {
    pub(crate) uid: String,
    pub(crate) limits: Limits,
    pub(crate) call: Box<dyn ModuleCall<T> + Send>,
}

impl<T> AskDocument<T> {
    /// Returns the uid of the document that is needed: not empty, and no longer than the limit.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the outcome, given the document as stored, `None` where there is none, or the reason
    /// why the store gave no answer.
    ///
    /// ```compile_fail,E0308
    /// # let step = ccs_modules::get_module(&["admin"], "1", &Default::default());
    /// # let ccs_modules::Step::Ask(ccs_modules::Ask::Document(ask)) = step else { panic!() };
    /// ask.answer(Ok(vec![b"{}"])); // expected an option
    /// ```
    pub fn answer<D: AsRef<[u8]>>(self, document: Result<Option<D>, StoreError>) -> T {
        let stored = document.map_err(Error::Store).and_then(|it| it.ok_or(Error::NotFound));
        let document = stored.as_ref().map_err(Clone::clone).and_then(|stored| {
            check(stored.as_ref(), &self.uid, &self.limits).map_err(Error::Malformed)
        });
        self.call.finish(document)
    }
}

/// Checks a document that was asked for by its uid.
fn check<'a>(stored: &'a [u8], uid: &str, limits: &Limits) -> Result<Document<'a>, Malformed> {
    let subject = || Subject::Document(uid.into());
    let document = Document::check(stored, limits).map_err(|fault| fault.of(subject()))?;
    if document.uid() != uid {
        return Err(Malformed {
            subject: subject(),
            field: Some("uid"),
            reason: "the uid of another document than was asked for".into(),
        });
    }
    Ok(document)
}

/// A call that needs all documents.
pub(crate) trait ListCall<T>: Sink {
    /// Ends the call, once every document was added or an error was found.
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> T;

    /// Answers the call from the image of a snapshot.
    fn answer_from(self: Box<Self>, snapshot: View<'_>, limits: &Limits) -> T;
}

/// A call that needs one document.
pub(crate) trait ModuleCall<T> {
    /// Ends the call.
    fn finish(self: Box<Self>, document: Result<Document<'_>, Error>) -> T;

    /// Answers the call from the entry of a snapshot.
    fn answer_from(self: Box<Self>, entry: Result<Entry<'_>, Error>, limits: &Limits) -> T;
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
