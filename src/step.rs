//! The conversation between the core and a shell.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ccs_modules_json::{decimal, sort_distinct};
use twox_hash::XxHash64;

use crate::error::{Error, Malformed, StoreError, Subject};
use crate::limits::Limits;
use crate::module::{Document, find_uid};

/// What comes of beginning a call: its outcome, or what must be fetched first.
///
/// No call asks more than once, so a shell needs no loop.
#[derive(Debug)]
#[must_use = "a step says what to fetch, or holds the outcome"]
pub enum Step<T> {
    /// The store is needed.
    Ask(Ask<T>),
    /// The outcome, for which the store was not needed.
    Done(T),
}

/// What a call needs from the store. Consumed by the answer, which gives the outcome.
///
/// It owns what it needs and can be parked: between two callbacks, or across an `.await`.
#[derive(Debug)]
#[must_use = "an ask waits for its answer"]
pub enum Ask<T> {
    /// One document is needed.
    Document(AskDocument<T>),
    /// All documents are needed.
    Documents(AskDocuments<T>),
}

/// Needs every document of the store, in the store's order.
#[must_use = "an ask waits for its answer"]
pub struct AskDocuments<T> {
    pub(crate) limits: Limits,
    pub(crate) collect: Box<dyn Collect<T> + Send>,
}

impl<T> AskDocuments<T> {
    /// The outcome, given what the store said: the documents as stored, or why there are none.
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
        let mut collect = self.collect;
        let complete = documents.map_err(Error::Store).and_then(|documents| {
            check_list(&documents, &self.limits, collect.as_mut()).map_err(Error::Malformed)
        });
        collect.finish(complete)
    }
}

/// Needs one document.
#[must_use = "an ask waits for its answer"]
pub struct AskDocument<T> {
    pub(crate) uid: String,
    pub(crate) limits: Limits,
    pub(crate) collect: Box<dyn Collect<T> + Send>,
}

impl<T> AskDocument<T> {
    /// The uid of the document that is needed: not empty, and no longer than the limit.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The outcome, given what the store said: the document as stored, that there is none, or why
    /// the store does not say.
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
        self.collect.finish(complete)
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
        self.collect.add(document);
        Ok(())
    }
}

/// What a call makes of the checked documents.
pub(crate) trait Collect<T> {
    /// What is to come, at most: so many documents, of so many bytes together.
    fn expect(&mut self, _documents: usize, _bytes: usize) {}

    fn add(&mut self, document: Document<'_>);

    /// The outcome: of the documents that were added, if they are all.
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> T;
}

/// Checks each document and that no two share a uid.
fn check_list<T, D: AsRef<[u8]>>(
    documents: &[D],
    limits: &Limits,
    collect: &mut dyn Collect<T>,
) -> Result<(), Malformed> {
    if documents.len() > limits.documents {
        let (found, limit) = (documents.len(), limits.documents);
        return Err(Malformed {
            subject: Subject::List,
            field: None,
            reason: [&*decimal(found), " documents, more than the limit of ", &decimal(limit)]
                .concat()
                .into(),
        });
    }
    let bytes = documents.iter().map(|document| document.as_ref().len()).sum();
    collect.expect(documents.len(), bytes);
    let mut uids = Vec::with_capacity(documents.len());
    for (index, stored) in documents.iter().map(AsRef::as_ref).enumerate() {
        let document = Document::check(stored, limits).map_err(|fault| {
            fault.of(match find_uid(stored, limits) {
                Some(uid) => Subject::Document(uid.into_owned()),
                None => Subject::DocumentAt(index),
            })
        })?;
        uids.push(document.stored_uid());
        collect.add(document);
    }
    check_distinct(uids)
}

/// Checks that no two of these uids are the same.
fn check_distinct(uids: Vec<Cow<'_, str>>) -> Result<(), Malformed> {
    // Where no two hashes are the same, no two uids are, and numbers are quick to sort.
    let hashes: BinaryHeap<_> =
        uids.iter().map(|uid| XxHash64::oneshot(0, uid.as_bytes())).collect();
    let sorted = hashes.into_sorted_vec();
    if sorted.iter().zip(sorted.iter().skip(1)).all(|(a, b)| a != b) {
        return Ok(());
    }
    sort_distinct(uids).map(drop).map_err(|(uid, index)| Malformed {
        subject: Subject::Document(uid.into_owned()),
        field: Some("uid"),
        reason: ["shared by two documents, the later at index ", &decimal(index)].concat().into(),
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
