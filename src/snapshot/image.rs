//! The image of a snapshot: one buffer that answers are taken from.
//!
//! ```text
//! body      [document,document,...] and a line end: the body of the list
//! strings   the uid of each document and the fields that lookups compare, escapes resolved
//! entries   one `Record` for each document, in the list's order
//! index     one `IndexRecord` for each document, sorted by the hash of its uid, then by its uid
//! trailer   one `Trailer`: where the parts are, the hash of the body, the version of this layout
//! ```
//!
//! Records are little-endian numbers of 32 bits. An image can lie in a data segment of a component
//! and be answered from without reading it first. What is read of it is checked as it is read.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use twox_hash::XxHash64;

use crate::body;
use crate::checked::{IndexedUid, index};
use crate::entity_tag::{entity_tag, hash};
use crate::error::{Error, Malformed};
use crate::module::{Document, Field, Module};

/// "CCS" and the version of the layout.
const MAGIC: u32 = u32::from_le_bytes(*b"CCS\x03");

/// A value of a fixed size in an image.
trait Value: Copy + Default {
    /// The size in bytes.
    const SIZE: usize;

    /// Takes the value from the front of the bytes.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    fn write(self, image: &mut Vec<u8>);

    /// Reads the value that begins at this position.
    fn at(image: &[u8], start: usize) -> Result<Self, Damaged> {
        let bytes = image.get(start..);
        bytes.and_then(|mut bytes| Self::read(&mut bytes)).ok_or(Damaged)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            const SIZE: usize = size_of::<$number>();

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$number>::from_le_bytes(*number))
            }

            fn write(self, image: &mut Vec<u8>) {
                image.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u32, u64);

impl<T: Value> Value for Option<T> {
    const SIZE: usize = u32::SIZE + T::SIZE;

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (is_present, value) = (u32::read(bytes)? != 0, T::read(bytes)?);
        Some(is_present.then_some(value))
    }

    fn write(self, image: &mut Vec<u8>) {
        u32::from(self.is_some()).write(image);
        self.unwrap_or_default().write(image);
    }
}

/// Declares a record: its values one after the other.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub(crate) struct $name { $($(#[$field_doc])* $field: $type,)* }

        impl Value for $name {
            const SIZE: usize = 0 $(+ <$type>::SIZE)*;

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: <$type>::read(bytes)?,)* })
            }

            fn write(self, image: &mut Vec<u8>) {
                $(self.$field.write(image);)*
            }
        }
    };
}

record! {
    /// The last record of an image.
    Trailer {
        magic: u32,
        body_end: u32,
        strings_end: u32,
        documents: u32,
        body_hash: u64,
        /// The size of the whole image.
        length: u32,
    }
}

record! {
    /// The record of a document.
    Record {
        /// The place in the body.
        text: Place,
        /// The hash of the document's own response.
        hash: u64,
        uid: Place,
        module_name: Option<Place>,
        semantic_version: Option<Place>,
        compatible_redis_version: Option<Place>,
        min_redis_version: Option<Place>,
        version: Option<u32>,
    }
}

record! {
    /// The record of a uid: its hash, and the number of its document.
    IndexRecord { hash: u64, number: u32, }
}

record! {
    /// The place of a text.
    Place { start: u32, end: u32, }
}

impl Place {
    fn new(range: Range<usize>) -> Self {
        Self { start: word(range.start), end: word(range.end) }
    }

    /// Returns the part of the bytes that is at this place.
    fn of(self, bytes: &[u8]) -> Result<&[u8], Damaged> {
        bytes.get(self.start as usize..self.end as usize).ok_or(Damaged)
    }
}

impl Trailer {
    /// Reads the trailer of an image, and checks that the parts that it names make up the image.
    pub(crate) fn of(image: &[u8]) -> Result<Self, Damaged> {
        let start = image.len().checked_sub(Self::SIZE).ok_or(Damaged)?;
        let trailer = Self::at(image, start)?;

        let is_whole = trailer.magic == MAGIC
            && trailer.length as usize == image.len()
            && trailer.body_end <= trailer.strings_end
            && trailer.index_end() == Some(start);
        if is_whole { Ok(trailer) } else { Err(Damaged) }
    }

    pub(crate) fn documents(&self) -> usize {
        self.documents as usize
    }

    fn index_end(&self) -> Option<usize> {
        let records = self.documents().checked_mul(Record::SIZE + IndexRecord::SIZE)?;
        (self.strings_end as usize).checked_add(records)
    }
}

/// An image that is not as it was made.
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
        let hash = XxHash64::oneshot(0, uid.as_bytes());
        let (mut low, mut high) = (0, self.trailer.documents());
        while low < high {
            let middle = low + (high - low) / 2;
            let record = self.index_record(middle)?;
            let mut order = record.hash.cmp(&hash);

            // Uids with one hash are sorted by themselves.
            if order.is_eq() {
                let entry = self.entry(record.number as usize)?;
                order = entry.uid()?.cmp(uid);
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
        let index = self.trailer.strings_end as usize + self.trailer.documents() * Record::SIZE;
        IndexRecord::at(self.image, index + place * IndexRecord::SIZE)
    }

    fn entry(&self, number: usize) -> Result<Entry<'a>, Damaged> {
        if number >= self.trailer.documents() {
            return Err(Damaged);
        }
        let start = self.trailer.strings_end as usize + number * Record::SIZE;
        Ok(Entry { view: *self, record: Record::at(self.image, start)? })
    }
}

/// A document of an image.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    view: ImageView<'a>,
    record: Record,
}

impl<'a> Entry<'a> {
    /// Returns the document.
    pub(crate) fn text_bytes(&self) -> Result<&'a [u8], Damaged> {
        self.record.text.of(self.view.body())
    }

    /// Returns the entity tag of the document's own response.
    pub(crate) fn entity_tag(&self) -> String {
        let Place { start, end } = self.record.text;
        // The response is the document and a line end.
        entity_tag(self.record.hash, end.wrapping_sub(start).wrapping_add(1) as usize)
    }

    pub(crate) fn uid(&self) -> Result<&'a str, Damaged> {
        self.string(self.record.uid)
    }

    pub(crate) fn module_name(&self) -> Result<Option<&'a str>, Damaged> {
        self.record.module_name.map(|place| self.string(place)).transpose()
    }

    pub(crate) fn semantic_version(&self) -> Result<Option<&'a str>, Damaged> {
        self.record.semantic_version.map(|place| self.string(place)).transpose()
    }

    pub(crate) fn compatible_redis_version(&self) -> Result<Option<&'a str>, Damaged> {
        self.record.compatible_redis_version.map(|place| self.string(place)).transpose()
    }

    pub(crate) fn min_redis_version(&self) -> Result<Option<&'a str>, Damaged> {
        self.record.min_redis_version.map(|place| self.string(place)).transpose()
    }

    pub(crate) fn version(&self) -> Option<u32> {
        self.record.version
    }

    /// Returns the module.
    pub(crate) fn module(&self) -> Result<Module, Damaged> {
        Document::read_checked(self.text_bytes()?).map(Document::into_module).ok_or(Damaged)
    }

    fn string(&self, place: Place) -> Result<&'a str, Damaged> {
        let Trailer { body_end, strings_end, .. } = self.view.trailer;
        let strings = Place { start: body_end, end: strings_end }.of(self.view.image)?;
        core::str::from_utf8(place.of(strings)?).map_err(|_| Damaged)
    }
}

/// Makes an image of documents that have been checked.
pub(crate) struct Builder {
    body: body::Writer,
    strings: Vec<u8>,
    records: Vec<Record>,
}

impl Builder {
    /// Makes room for this many documents with this many bytes in all.
    pub(crate) fn with_capacity(documents: usize, bytes: usize) -> Self {
        /// The usual size of a document's strings.
        const STRINGS: usize = 64;
        let others = STRINGS + Record::SIZE + IndexRecord::SIZE;
        Self {
            // The body becomes the image.
            body: body::Writer::with_capacity(
                documents,
                bytes + documents * others + Trailer::SIZE,
            ),
            strings: Vec::with_capacity(documents * STRINGS),
            records: Vec::with_capacity(documents),
        }
    }

    /// Adds the next document of the list.
    pub(crate) fn add(&mut self, document: Document<'_>) {
        let text = document.text_bytes();
        let place = Place::new(self.body.push(text));
        let mut field = |field| document.text(field).map(|text| self.add_string(&text));
        let record = Record {
            text: place,
            hash: hash(&[text, b"\n"]),
            // A document that has been checked has a uid.
            uid: field(Field::Uid).unwrap_or_default(),
            module_name: field(Field::ModuleName),
            semantic_version: field(Field::SemanticVersion),
            compatible_redis_version: field(Field::CompatibleRedisVersion),
            min_redis_version: field(Field::MinRedisVersion),
            version: document.version(),
        };
        self.records.push(record);
    }

    /// Returns the image.
    ///
    /// # Errors
    ///
    /// If two documents share a uid, or the image is too large.
    pub(crate) fn finish(self) -> Result<(Vec<u8>, Trailer), Malformed> {
        let Self { body, strings, records } = self;
        let uids = records.iter().map(|record| record.uid.of(&strings).unwrap_or_default());
        let index = index(uids)?;

        let mut image = body.finish();
        let body_hash = hash(&[&image]);
        let body_end = image.len();
        image.extend_from_slice(&strings);
        let strings_end = image.len();

        records.iter().for_each(|record| record.write(&mut image));
        for IndexedUid { hash, number, .. } in index {
            IndexRecord { hash, number }.write(&mut image);
        }

        let length = image.len() + Trailer::SIZE;
        if u32::try_from(length).is_err() {
            return Err(Malformed::list("too large, the limit of a snapshot is 4 GiB"));
        }
        let trailer = Trailer {
            magic: MAGIC,
            body_end: word(body_end),
            strings_end: word(strings_end),
            documents: word(records.len()),
            body_hash,
            length: word(length),
        };
        trailer.write(&mut image);
        Ok((image, trailer))
    }

    fn add_string(&mut self, string: &str) -> Place {
        let start = self.strings.len();
        self.strings.extend_from_slice(string.as_bytes());
        Place::new(start..self.strings.len())
    }
}

/// Returns a position as a record has it. An image with a position that does not fit is refused when it
/// is complete.
fn word(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
