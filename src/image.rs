//! The image of a snapshot: one buffer that answers are taken from.
//!
//! ```text
//! body      [document,document,...] and a line end: the body of the list
//! strings   the uid of each document and the fields that lookups compare, escapes resolved
//! entries   one record for each document, in the list's order
//! index     one record for each document, sorted by the hash of its uid, then by its uid
//! trailer   where the parts are, the hash of the body, the version of this layout
//! ```
//!
//! Records are little-endian numbers of 32 bits. An image can lie in a data segment of a component
//! and be answered from without reading it first: what is read of it is checked as it is read.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use twox_hash::XxHash64;

use crate::entity_tag::{entity_tag, hash};
use crate::error::{Error, Malformed, Subject};
use crate::limits::Limits;
use crate::list::Sink;
use crate::module::{Document, Field, Module};

/// The words of a document's entry: its range in the body, the hash of its response body, the ranges
/// of its five strings, and its version.
const ENTRY: usize = 16;
/// The words of a record in the index: the hash of a uid and the number of its document.
const INDEX: usize = 3;
/// The words of the trailer, see [`Trailer`].
const TRAILER: usize = 7;

/// "CCS" and the version of the layout.
const MAGIC: u32 = u32::from_le_bytes(*b"CCS\x02");
/// The start of a string, or the first of the version's two words, where a document has none.
const ABSENT: u32 = u32::MAX;

const WORD: usize = size_of::<u32>();

/// The last record of an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trailer {
    body_end: usize,
    strings_end: usize,
    documents: usize,
    body_hash: u64,
}

impl Trailer {
    /// Reads the trailer of an image, and checks that the parts it names make up the image.
    pub(crate) fn read(image: &[u8]) -> Result<Self, Damaged> {
        let start = image.len().checked_sub(TRAILER * WORD).ok_or(Damaged)?;
        let [magic, body_end, strings_end, documents, low, high, length] = words(image, start)?;
        let trailer = Self {
            body_end: body_end as usize,
            strings_end: strings_end as usize,
            documents: documents as usize,
            body_hash: join(low, high),
        };
        let sound = magic == MAGIC
            && length as usize == image.len()
            && trailer.body_end <= trailer.strings_end
            && trailer.end() == Some(start);
        if sound { Ok(trailer) } else { Err(Damaged) }
    }

    pub(crate) fn documents(&self) -> usize {
        self.documents
    }

    fn words(&self, length: usize) -> [u32; TRAILER] {
        let Self { body_end, strings_end, documents, body_hash } = *self;
        let (low, high) = split(body_hash);
        let [body_end, strings_end] = [body_end, strings_end].map(short);
        [MAGIC, body_end, strings_end, short(documents), low, high, short(length)]
    }

    /// The end of the index.
    fn end(&self) -> Option<usize> {
        let records = self.documents.checked_mul((ENTRY + INDEX) * WORD)?;
        self.strings_end.checked_add(records)
    }
}

/// An image that is not as it was made.
#[derive(Debug)]
pub(crate) struct Damaged;

impl Damaged {
    pub(crate) const REASON: &str = "the image of the snapshot is damaged";
}

impl From<Damaged> for Error {
    fn from(_: Damaged) -> Self {
        let reason = Damaged::REASON.into();
        Error::Malformed(Malformed { subject: Subject::List, field: None, reason })
    }
}

/// An image to read from.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) image: &'a [u8],
    pub(crate) trailer: Trailer,
}

impl<'a> View<'a> {
    /// The body of the list.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.image.get(..self.trailer.body_end).unwrap_or_default()
    }

    /// The entity tag of the list.
    pub(crate) fn entity_tag(&self) -> String {
        entity_tag(self.trailer.body_hash, self.trailer.body_end)
    }

    /// The number of documents.
    pub(crate) fn len(&self) -> usize {
        self.trailer.documents
    }

    /// The documents, in the list's order.
    pub(crate) fn entries(self) -> impl Iterator<Item = Result<Entry<'a>, Damaged>> {
        (0..self.len()).map(move |number| self.entry(number))
    }

    /// The document with this uid.
    pub(crate) fn get(&self, uid: &str) -> Result<Entry<'a>, Error> {
        self.find(uid)?.ok_or(Error::NotFound)
    }

    /// The document with this uid; none where there is none.
    pub(crate) fn find(&self, uid: &str) -> Result<Option<Entry<'a>>, Damaged> {
        let hash = uid_hash(uid);
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, number) = self.indexed(middle)?;
            let order = match found.cmp(&hash) {
                core::cmp::Ordering::Equal => {
                    let entry = self.entry(number)?;
                    let order = entry.uid()?.cmp(uid);
                    if order.is_eq() {
                        return Ok(Some(entry));
                    }
                    order
                }
                order => order,
            };
            if order.is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(None)
    }

    /// The hash and the number of the document at this place of the index.
    fn indexed(&self, place: usize) -> Result<(u64, usize), Damaged> {
        let index = self.trailer.strings_end + self.len() * ENTRY * WORD;
        let [low, high, number] = words(self.image, index + place * INDEX * WORD)?;
        Ok((join(low, high), number as usize))
    }

    /// The document with this number.
    fn entry(&self, number: usize) -> Result<Entry<'a>, Damaged> {
        if number >= self.len() {
            return Err(Damaged);
        }
        let words = words(self.image, self.trailer.strings_end + number * ENTRY * WORD)?;
        Ok(Entry { view: *self, words })
    }
}

/// A document of an image.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    view: View<'a>,
    words: [u32; ENTRY],
}

impl<'a> Entry<'a> {
    /// The document.
    pub(crate) fn text_bytes(&self) -> Result<&'a [u8], Damaged> {
        let [start, end, ..] = self.words;
        self.view.body().get(start as usize..end as usize).ok_or(Damaged)
    }

    /// The entity tag of the document's own response.
    pub(crate) fn entity_tag(&self) -> String {
        let [start, end, low, high, ..] = self.words;
        entity_tag(join(low, high), end.wrapping_sub(start).wrapping_add(1) as usize)
    }

    /// The uid.
    pub(crate) fn uid(&self) -> Result<&'a str, Damaged> {
        let [_, _, _, _, start, end, ..] = self.words;
        self.string(start..end)?.ok_or(Damaged)
    }

    pub(crate) fn module_name(&self) -> Result<Option<&'a str>, Damaged> {
        let [_, _, _, _, _, _, start, end, ..] = self.words;
        self.string(start..end)
    }

    pub(crate) fn semantic_version(&self) -> Result<Option<&'a str>, Damaged> {
        let [.., start, end, _, _, _, _, _, _] = self.words;
        self.string(start..end)
    }

    pub(crate) fn compatible_redis_version(&self) -> Result<Option<&'a str>, Damaged> {
        let [.., start, end, _, _, _, _] = self.words;
        self.string(start..end)
    }

    pub(crate) fn min_redis_version(&self) -> Result<Option<&'a str>, Damaged> {
        let [.., start, end, _, _] = self.words;
        self.string(start..end)
    }

    pub(crate) fn version(&self) -> Option<u32> {
        let [.., presence, version] = self.words;
        (presence != ABSENT).then_some(version)
    }

    /// The module. Its document is read no deeper than the limit.
    pub(crate) fn module(&self, limits: &Limits) -> Result<Module, Error> {
        // Canonical form may be longer than what was stored: `1e9` becomes `1000000000`.
        let limits = Limits { document_bytes: usize::MAX, uid_bytes: usize::MAX, ..*limits };
        let document = Document::check(self.text_bytes()?, &limits).map_err(|fault| {
            let subject = Subject::Document(self.uid().unwrap_or_default().into());
            Error::Malformed(fault.of(subject))
        })?;
        Ok(document.into_module())
    }

    /// The string at this range of the strings; none where the document has none.
    fn string(&self, range: Range<u32>) -> Result<Option<&'a str>, Damaged> {
        if range.start == ABSENT {
            return Ok(None);
        }
        let Trailer { body_end, strings_end, .. } = self.view.trailer;
        let strings = self.view.image.get(body_end..strings_end).ok_or(Damaged)?;
        let bytes = strings.get(range.start as usize..range.end as usize).ok_or(Damaged)?;
        core::str::from_utf8(bytes).map(Some).map_err(|_| Damaged)
    }
}

/// Makes an image of documents that have been checked.
#[derive(Default)]
pub(crate) struct Builder {
    /// The body first, then the whole image.
    image: Vec<u8>,
    strings: Vec<u8>,
    entries: Vec<[u32; ENTRY]>,
}

impl Sink for Builder {
    fn reserve(&mut self, documents: usize, bytes: usize) {
        const STRINGS: usize = 64;
        let records = (ENTRY + INDEX) * WORD;
        self.image.reserve_exact(bytes + documents * (1 + STRINGS + records) + TRAILER * WORD + 3);
        self.strings.reserve_exact(documents * STRINGS);
        self.entries.reserve_exact(documents);
    }

    fn add(&mut self, document: Document<'_>) {
        self.image.push(if self.entries.is_empty() { b'[' } else { b',' });
        let text = document.text_bytes();
        let start = short(self.image.len());
        self.image.extend_from_slice(text);
        let end = short(self.image.len());
        let (low, high) = split(hash(&[text, b"\n"]));
        let (uid_start, uid_end) = self.add_string(Some(document.uid()));
        let mut field = |field| self.add_string(document.text(field));
        let (name_start, name_end) = field(Field::ModuleName);
        let (semantic_start, semantic_end) = field(Field::SemanticVersion);
        let (compatible_start, compatible_end) = field(Field::CompatibleRedisVersion);
        let (min_start, min_end) = field(Field::MinRedisVersion);
        let (presence, version) = document.version().map_or((ABSENT, 0), |version| (0, version));
        self.entries.push([
            start,
            end,
            low,
            high,
            uid_start,
            uid_end,
            name_start,
            name_end,
            semantic_start,
            semantic_end,
            compatible_start,
            compatible_end,
            min_start,
            min_end,
            presence,
            version,
        ]);
    }
}

impl Builder {
    /// Returns the image.
    pub(crate) fn finish(self) -> Result<(Vec<u8>, Trailer), Malformed> {
        let Self { mut image, strings, entries } = self;
        if entries.is_empty() {
            image.push(b'[');
        }
        image.extend_from_slice(b"]\n");
        let trailer = Trailer {
            body_end: image.len(),
            strings_end: image.len() + strings.len(),
            documents: entries.len(),
            body_hash: hash(&[&image]),
        };
        image.extend_from_slice(&strings);
        entries.iter().for_each(|entry| push(&mut image, entry));
        for (hash, _, number) in index(&strings, &entries) {
            let (low, high) = split(hash);
            push(&mut image, &[low, high, number]);
        }
        let length = image.len() + TRAILER * WORD;
        push(&mut image, &trailer.words(length));
        if u32::try_from(length).is_err() {
            let reason = "too large, the limit of a snapshot is 4 GiB".into();
            return Err(Malformed { subject: Subject::List, field: None, reason });
        }
        Ok((image, trailer))
    }

    /// Adds a string, and answers its range.
    fn add_string(&mut self, string: Option<impl AsRef<str>>) -> (u32, u32) {
        let Some(string) = string else { return (ABSENT, ABSENT) };
        let start = short(self.strings.len());
        self.strings.extend_from_slice(string.as_ref().as_bytes());
        (start, short(self.strings.len()))
    }
}

/// The records of the index: the hash of each uid, the uid, and the number of its document.
fn index<'a>(strings: &'a [u8], entries: &[[u32; ENTRY]]) -> Vec<(u64, &'a [u8], u32)> {
    let mut index: Vec<_> = (0..)
        .zip(entries)
        .map(|(number, [_, _, _, _, start, end, ..])| {
            let uid = strings.get(*start as usize..*end as usize).unwrap_or_default();
            (XxHash64::oneshot(0, uid), uid, number)
        })
        .collect();
    index.sort_unstable();
    index
}

/// A position in an image. Longer images are refused when they are complete.
fn short(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn uid_hash(uid: &str) -> u64 {
    XxHash64::oneshot(0, uid.as_bytes())
}

fn split(number: u64) -> (u32, u32) {
    (number as u32, (number >> u32::BITS) as u32)
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << u32::BITS | u64::from(low)
}

fn push(image: &mut Vec<u8>, words: &[u32]) {
    image.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// The words from this position on.
fn words<const N: usize>(image: &[u8], start: usize) -> Result<[u32; N], Damaged> {
    let bytes = image.get(start..).and_then(|bytes| bytes.get(..N * WORD)).ok_or(Damaged)?;
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    Ok(words)
}
