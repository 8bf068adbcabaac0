//! The image of a snapshot: one buffer that answers are taken from.
//!
//! ```text
//! body      [document,document,...] and a line end: the body of the list
//! entries   one `Record` for each document, in the list's order
//! index     one `IndexRecord` for each document, sorted by the hash of its uid, then by its uid
//! trailer   one `Trailer`: the positions of the parts, the hash of the body, the version of this layout
//! ```
//!
//! Numbers are little-endian. An image can lie in a data segment of a component and be answered from
//! without reading it first. Each part is checked when it is read.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use crate::body;
use crate::checked::{IndexedUid, index, uid_hash};
use crate::entity_tag::{entity_tag, hash};
use crate::error::{Error, Malformed};
use crate::json;
use crate::module::{Document, Module};

/// "CCS" and the version of the layout.
const MAGIC: u32 = u32::from_le_bytes(*b"CCS\x03");

/// Declares a record, which is read and written field by field. So the code does not compile if a field is
/// not written.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $number:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) struct $name { $($(#[$field_doc])* $field: $number,)* }

        impl $name {
            const SIZE: usize = 0 $(+ size_of::<$number>())*;

            /// Reads the record that begins at this position.
            fn read(image: &[u8], start: usize) -> Result<Self, Damaged> {
                let mut bytes = image.get(start..).ok_or(Damaged)?;
                Ok(Self { $($field: <$number>::from_le_bytes(take(&mut bytes)?),)* })
            }

            fn write(&self, image: &mut Vec<u8>) {
                $(image.extend_from_slice(&self.$field.to_le_bytes());)*
            }
        }
    };
}

/// Takes the first bytes.
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(*first)
}

record! {
    /// The last record of an image.
    Trailer {
        magic: u32,
        body_end: u32,
        documents: u32,
        body_hash: u64,
        /// The size of the whole image.
        length: u32,
    }
}

record! {
    /// The record of a document.
    Record {
        /// The place of the document in the body.
        start: u32,
        end: u32,
        /// The place of its uid in the body, as JSON.
        uid_start: u32,
        uid_end: u32,
        /// The hash of the body of its own response, for the entity tag.
        hash: u64,
    }
}

record! {
    /// The record of a uid: its hash, and the number of its document.
    IndexRecord {
        hash: u64,
        number: u32,
    }
}

impl Trailer {
    /// Reads the trailer of an image, and checks that the parts that it names make up the image.
    pub(crate) fn of(image: &[u8]) -> Result<Self, Damaged> {
        let start = image.len().checked_sub(Self::SIZE).ok_or(Damaged)?;
        let trailer = Self::read(image, start)?;

        let records = trailer.documents().checked_mul(Record::SIZE + IndexRecord::SIZE);
        let end = records.and_then(|records| records.checked_add(trailer.body_end as usize));
        let is_whole = trailer.magic == MAGIC && trailer.length as usize == image.len();
        if is_whole && end == Some(start) { Ok(trailer) } else { Err(Damaged) }
    }

    pub(crate) fn documents(&self) -> usize {
        self.documents as usize
    }
}

/// The error for an image that was damaged.
#[derive(Debug)]
pub(crate) struct Damaged;

impl From<Damaged> for Error {
    fn from(_: Damaged) -> Self {
        Malformed::list("the image of the snapshot is damaged").into()
    }
}

/// An image to read from.
#[derive(Clone, Copy)]
pub(crate) struct ImageView<'a> {
    pub(crate) image: &'a [u8],
    pub(crate) trailer: Trailer,
}

impl<'a> ImageView<'a> {
    /// Returns the body of the list.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.image.get(..self.trailer.body_end as usize).unwrap_or_default()
    }

    /// Returns the entity tag of the list.
    pub(crate) fn entity_tag(&self) -> String {
        entity_tag(self.trailer.body_hash, self.trailer.body_end as usize)
    }

    /// Returns the documents, in the list's order.
    pub(crate) fn entries(self) -> impl Iterator<Item = Result<Entry<'a>, Damaged>> {
        (0..self.trailer.documents()).map(move |number| self.entry(number))
    }

    /// Returns the document with this uid.
    pub(crate) fn get(&self, uid: &str) -> Result<Entry<'a>, Error> {
        self.find(uid)?.ok_or(Error::NotFound)
    }

    /// Returns the document with this uid, if there is one.
    pub(crate) fn find(&self, uid: &str) -> Result<Option<Entry<'a>>, Damaged> {
        let hash = uid_hash(uid);
        let (mut low, mut high) = (0, self.trailer.documents());
        while low < high {
            let middle = low + (high - low) / 2;
            let record = self.index_record(middle)?;
            let mut order = record.hash.cmp(&hash);

            // Uids with one hash are sorted by themselves.
            if order.is_eq() {
                let entry = self.entry(record.number as usize)?;
                order = (*entry.uid()?).cmp(uid);
                if order.is_eq() {
                    return Ok(Some(entry));
                }
            }
            match order {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(None)
    }

    fn index_record(&self, place: usize) -> Result<IndexRecord, Damaged> {
        let index = self.trailer.body_end as usize + self.trailer.documents() * Record::SIZE;
        IndexRecord::read(self.image, index + place * IndexRecord::SIZE)
    }

    fn entry(&self, number: usize) -> Result<Entry<'a>, Damaged> {
        if number >= self.trailer.documents() {
            return Err(Damaged);
        }
        let start = self.trailer.body_end as usize + number * Record::SIZE;
        Ok(Entry { view: *self, record: Record::read(self.image, start)? })
    }
}

/// A document of an image.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    view: ImageView<'a>,
    record: Record,
}

impl<'a> Entry<'a> {
    /// Returns the text of the document.
    pub(crate) fn text_bytes(&self) -> Result<&'a [u8], Damaged> {
        self.part(self.record.start..self.record.end)
    }

    /// Returns the entity tag of the document's own response.
    pub(crate) fn entity_tag(&self) -> String {
        let Record { start, end, hash, .. } = self.record;
        // The response is the document and a line end.
        entity_tag(hash, end.wrapping_sub(start).wrapping_add(1) as usize)
    }

    /// Returns the uid.
    pub(crate) fn uid(&self) -> Result<Cow<'a, str>, Damaged> {
        let uid = self.part(self.record.uid_start..self.record.uid_end)?;
        core::str::from_utf8(uid).ok().and_then(|uid| json::characters(uid).ok()).ok_or(Damaged)
    }

    /// Reads the document.
    pub(crate) fn document(&self) -> Result<Document<'a>, Damaged> {
        Document::read_checked(self.text_bytes()?).ok_or(Damaged)
    }

    /// Returns the module.
    pub(crate) fn module(&self) -> Result<Module, Damaged> {
        Ok(self.document()?.into_module())
    }

    fn part(&self, range: Range<u32>) -> Result<&'a [u8], Damaged> {
        self.view.body().get(range.start as usize..range.end as usize).ok_or(Damaged)
    }
}

/// Makes an image of documents that have been checked.
pub(crate) struct Builder {
    body: body::Writer,
    records: Vec<Record>,
}

impl Builder {
    /// Makes room for this many documents with this many bytes in all.
    pub(crate) fn with_capacity(documents: usize, bytes: usize) -> Self {
        // The body becomes the image.
        let others = documents * (Record::SIZE + IndexRecord::SIZE) + Trailer::SIZE;
        let body = body::Writer::with_capacity(documents, bytes + others);
        Self { body, records: Vec::with_capacity(documents) }
    }

    /// Adds the next document of the list.
    pub(crate) fn add(&mut self, document: &Document<'_>) {
        let text = document.text_bytes();
        let Range { start, end } = self.body.push(text);
        let uid = document.uid_range();
        self.records.push(Record {
            start: short(start),
            end: short(end),
            uid_start: short(start + uid.start),
            uid_end: short(start + uid.end),
            hash: hash(&[text, b"\n"]),
        });
    }

    /// Returns the image, given the uid of each document.
    ///
    /// # Errors
    ///
    /// If two documents share a uid, or the image is too large.
    pub(crate) fn finish(self, uids: &[Cow<'_, str>]) -> Result<(Vec<u8>, Trailer), Malformed> {
        let index = index(uids)?;
        let mut image = self.body.finish();
        let (body_end, body_hash) = (short(image.len()), hash(&[&image]));

        self.records.iter().for_each(|record| record.write(&mut image));
        for IndexedUid { hash, number, .. } in index {
            IndexRecord { hash, number }.write(&mut image);
        }

        let length = image.len() + Trailer::SIZE;
        if u32::try_from(length).is_err() {
            return Err(Malformed::list("too large, the limit of a snapshot is 4 GiB"));
        }
        let (documents, length) = (short(self.records.len()), short(length));
        let trailer = Trailer { magic: MAGIC, body_end, documents, body_hash, length };
        trailer.write(&mut image);
        Ok((image, trailer))
    }
}

/// Returns a position as a record has it. An image with a position that does not fit is refused when it
/// is complete.
fn short(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
