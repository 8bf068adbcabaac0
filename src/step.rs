//! The conversation between the core and a shell.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Malformed, StoreError, Subject};
use crate::limits::Limits;
use crate::module::{Document, find_uid};

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
    pub(crate) builder: Box<dyn OutcomeBuilder<T> + Send>,
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
        let mut builder = self.builder;
        let complete = documents.map_err(Error::Store).and_then(|documents| {
            check_list(&documents, &self.limits, builder.as_mut()).map_err(Error::Malformed)
        });
        builder.finish(complete)
    }
}

/// The question for one document.
#[must_use = "an ask waits for its answer"]
pub struct AskDocument<T> {
    pub(crate) uid: String,
    pub(crate) limits: Limits,
    pub(crate) builder: Box<dyn OutcomeBuilder<T> + Send>,
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
    pub fn answer<D: AsRef<[u8]>>(mut self, document: Result<Option<D>, StoreError>) -> T {
        let complete = match document {
            Ok(Some(document)) => self.check(document.as_ref()).map_err(Error::Malformed),
            Ok(None) => Err(Error::NotFound),
            Err(error) => Err(Error::Store(error)),
        };
        self.builder.finish(complete)
    }

    fn check(&mut self, stored: &[u8]) -> Result<(), Malformed> {
        let document = Document::check(stored, &self.limits)
            .map_err(|fault| fault.of(Subject::Document(self.uid.clone())))?;
        if document.uid() != self.uid.as_str() {
            return Err(Malformed {
                subject: Subject::Document(self.uid.clone()),
                field: Some("uid"),
                reason: "the uid of another document than was asked for".into(),
            });
        }
        self.builder.add(document);
        Ok(())
    }
}

/// Builds the outcome of a call from its documents.
pub(crate) trait OutcomeBuilder<T> {
    /// Reserves memory for so many documents, of so many bytes together.
    fn reserve(&mut self, _documents: usize, _bytes: usize) {}

    /// Adds a document, which has been checked.
    fn add(&mut self, document: Document<'_>);

    /// Returns the outcome: made of the documents, if all were added, otherwise of the error.
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> T;
}

/// Checks each document and that no two share a uid.
fn check_list<T, D: AsRef<[u8]>>(
    documents: &[D],
    limits: &Limits,
    builder: &mut dyn OutcomeBuilder<T>,
) -> Result<(), Malformed> {
    if documents.len() > limits.documents {
        let (found, limit) = (documents.len(), limits.documents);
        return Err(Malformed {
            subject: Subject::List,
            field: None,
            reason: format!("{found} documents, more than the limit of {limit}").into(),
        });
    }
    let bytes = documents.iter().map(|document| document.as_ref().len()).sum();
    builder.reserve(documents.len(), bytes);
    let mut uids = Vec::with_capacity(documents.len());
    for (index, stored) in documents.iter().map(AsRef::as_ref).enumerate() {
        let document = Document::check(stored, limits).map_err(|fault| {
            fault.of(match find_uid(stored, limits) {
                Some(uid) => Subject::Document(uid.into_owned()),
                None => Subject::DocumentAt(index),
            })
        })?;
        uids.push((document.stored_uid(), index));
        builder.add(document);
    }
    check_distinct(uids)
}

/// Checks that no two documents share a uid, given the uids with the indexes of the documents.
fn check_distinct(mut uids: Vec<(Cow<'_, str>, usize)>) -> Result<(), Malformed> {
    uids.sort_unstable();
    let later = uids.iter().zip(uids.iter().skip(1)).find(|((a, _), (b, _))| a == b);
    later.map_or(Ok(()), |(_, (uid, index))| {
        Err(Malformed {
            subject: Subject::Document(uid.clone().into_owned()),
            field: Some("uid"),
            reason: format!("shared by two documents, the later at index {index}").into(),
        })
    })
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
