//! Lists of documents: each sound, no two with the same uid.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use crate::error::{Malformed, Subject};
use crate::limits::Limits;
use crate::module::{Document, find_uid};

/// A receiver of documents that have been checked.
pub(crate) trait Sink {
    /// Makes room for this many documents with this many bytes in all, at most.
    fn reserve(&mut self, documents: usize, bytes: usize);

    /// Adds the next document of the list.
    fn add(&mut self, document: Document<'_>);
}

/// Checks each document, adds it to the sink, and checks that no two share a uid.
pub(crate) fn check<D: AsRef<[u8]>>(
    documents: &[D],
    limits: &Limits,
    sink: &mut (impl Sink + ?Sized),
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
    sink.reserve(documents.len(), bytes);
    let mut uids = Vec::with_capacity(documents.len());
    for (index, stored) in documents.iter().map(AsRef::as_ref).enumerate() {
        let document = Document::check(stored, limits).map_err(|fault| {
            fault.of(match find_uid(stored, limits) {
                Some(uid) => Subject::Document(uid.into_owned()),
                None => Subject::DocumentAt(index),
            })
        })?;
        uids.push((document.stored_uid(), index));
        sink.add(document);
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
