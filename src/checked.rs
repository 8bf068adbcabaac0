//! A checked catalog, and a checked document. Every call is answered from one of them.
//!
//! The documents come from a store during the call, or from a snapshot, which was checked when it was
//! made. A call does not know which.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use twox_hash::XxHash64;

use crate::body;
use crate::entity_tag::{entity_tag, hash};
use crate::error::{Error, Malformed};
use crate::limits::Limits;
use crate::module::{Document, Module, find_uid};
use crate::snapshot::image::{Damaged, Entry, ImageView};

/// The catalog that a call is answered from.
#[derive(Clone, Copy)]
pub(crate) enum Catalog<'a> {
    /// The catalog of a snapshot.
    Kept(ImageView<'a>),
    /// The documents of a store. They are checked as they are read.
    Stored { documents: &'a [&'a [u8]], limits: &'a Limits },
}

impl<'a> Catalog<'a> {
    /// Returns the body of the list, and its entity tag.
    pub(crate) fn body(self) -> Result<(Cow<'a, [u8]>, String), Error> {
        match self {
            Self::Kept(view) => Ok((view.body().into(), view.entity_tag())),
            Self::Stored { documents, limits } => {
                let bytes = documents.iter().map(|document| document.len()).sum();
                let mut body = body::Writer::with_capacity(documents.len(), bytes);
                check_list(documents, limits, |document| _ = body.push(document.text_bytes()))?;

                let body = body.finish();
                let tag = entity_tag(hash(&[&body]), body.len());
                Ok((body.into(), tag))
            }
        }
    }

    /// Returns every document, in the order of the list.
    pub(crate) fn documents(self) -> Result<Vec<Document<'a>>, Error> {
        match self {
            Self::Kept(view) => view.entries().map(|entry| Ok(entry?.document()?)).collect(),
            Self::Stored { documents, limits } => {
                let mut checked = Vec::with_capacity(documents.len());
                check_list(documents, limits, |document| checked.push(document))?;
                Ok(checked)
            }
        }
    }

    /// Returns every module, in the order of the list.
    pub(crate) fn modules(self) -> Result<Vec<Module>, Error> {
        Ok(self.documents()?.into_iter().map(Document::into_module).collect())
    }
}

/// A document that a call is answered from.
#[allow(clippy::large_enum_variant)] // one for each call, on the stack
pub(crate) enum CheckedDocument<'a> {
    /// The document of a snapshot.
    Kept(Entry<'a>),
    /// The document of a store.
    Stored(Document<'a>),
}

impl CheckedDocument<'_> {
    /// Returns the body of the response, and its entity tag.
    pub(crate) fn body(&self) -> Result<(Vec<u8>, String), Damaged> {
        let text = match self {
            Self::Kept(entry) => entry.text_bytes()?,
            Self::Stored(document) => document.text_bytes(),
        };
        let body = [text, b"\n"].concat();
        let tag = match self {
            Self::Kept(entry) => entry.entity_tag(),
            Self::Stored(_) => entity_tag(hash(&[&body]), body.len()),
        };
        Ok((body, tag))
    }

    /// Returns the module.
    pub(crate) fn into_module(self) -> Result<Module, Damaged> {
        match self {
            Self::Kept(entry) => entry.module(),
            Self::Stored(document) => Ok(document.into_module()),
        }
    }
}

/// Checks a list: the number of its documents, each document, and that no two share a uid. Each
/// document goes to `add` once it is checked.
fn check_list<'a>(
    documents: &[&'a [u8]],
    limits: &Limits,
    add: impl FnMut(Document<'a>),
) -> Result<(), Malformed> {
    index(&check_each(documents, limits, add)?).map(drop)
}

/// Checks the number of the documents of a list, and each of them. Each document goes to `add` once it
/// is checked. Returns the uids.
pub(crate) fn check_each<'a>(
    documents: &[&'a [u8]],
    limits: &Limits,
    mut add: impl FnMut(Document<'a>),
) -> Result<Vec<Cow<'a, str>>, Malformed> {
    if documents.len() > limits.documents {
        let (found, limit) = (documents.len(), limits.documents);
        return Err(Malformed::list(format!("{found} documents, more than the limit of {limit}")));
    }

    let mut uids = Vec::with_capacity(documents.len());
    for (index, stored) in documents.iter().enumerate() {
        let document = Document::check(stored, limits).map_err(|fault| {
            fault.of(find_uid(stored, limits).map(Cow::into_owned), Some(index))
        })?;
        uids.push(document.stored_uid());
        add(document);
    }
    Ok(uids)
}

/// The place of a uid in the index of a list. The order is that of the fields, so a uid is found by a few
/// comparisons of numbers.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct IndexedUid<'a> {
    pub(crate) hash: u64,
    uid: &'a str,
    /// The number of the document in the list.
    pub(crate) number: u32,
}

/// Returns the index of a list, sorted, given the uid of each document.
///
/// # Errors
///
/// If two documents share a uid.
pub(crate) fn index<'a>(uids: &'a [Cow<'_, str>]) -> Result<Vec<IndexedUid<'a>>, Malformed> {
    let indexed =
        |(uid, number): (&'a Cow<'_, str>, u32)| IndexedUid { hash: uid_hash(uid), uid, number };
    let mut index: Vec<_> = uids.iter().zip(0..).map(indexed).collect();
    index.sort_unstable();

    let mut pairs = index.iter().zip(index.iter().skip(1));
    let Some((_, &IndexedUid { uid, number, .. })) = pairs.find(|(a, b)| a.uid == b.uid) else {
        return Ok(index);
    };
    Err(Malformed {
        uid: Some(uid.into()),
        index: Some(number as usize),
        field: Some("uid"),
        position: None,
        reason: format!("shared by two documents, the later at index {number}").into(),
    })
}

/// Returns the hash by which a uid is indexed.
pub(crate) fn uid_hash(uid: &str) -> u64 {
    XxHash64::oneshot(0, uid.as_bytes())
}
