//! Names, the keys of objects and the uids of lists: how they compare, and that none stands twice.

use alloc::borrow::Cow;
use core::cmp::Ordering;
use core::ops::Range;

/// A name that is quick to compare.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    /// The first eight bytes as one number, the first of them lowest; zeros where there are fewer.
    prefix: u64,
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        let mut prefix = 0;
        let (mut rest, mut bits) = (bytes, 0);
        while let [byte, tail @ ..] = rest
            && bits < u64::BITS
        {
            prefix |= (*byte as u64) << bits;
            rest = tail;
            bits += 8;
        }
        Self { prefix, bytes }
    }

    /// The name that stands in `text`, most often with more text after it.
    pub(crate) fn within(text: &'a [u8], range: Range<usize>) -> Self {
        let length = range.len();
        let onward = text.get(range.start..).unwrap_or_default();
        let (Some(first), Some(bytes)) = (onward.first_chunk(), onward.get(..length)) else {
            return Self::new(text.get(range).unwrap_or_default());
        };
        let mut prefix = u64::from_le_bytes(*first);
        if length < first.len() {
            prefix &= !(u64::MAX << (8 * length));
        }
        Self { prefix, bytes }
    }

    /// Whether all that follows the prefixes is the same, given that the prefixes are: eight bytes at
    /// a time, the last eight perhaps again. For so few bytes a call to compare them costs more.
    fn same_after_prefix(&self, other: &Self) -> bool {
        let length = self.bytes.len();
        length == other.bytes.len()
            && (length <= 8
                || self.bytes.last_chunk::<8>() == other.bytes.last_chunk()
                    && (length <= 16 || self.bytes.get(8..) == other.bytes.get(8..)))
    }
}

impl Ord for Name<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let difference = self.prefix ^ other.prefix;
        if difference != 0 {
            // The first byte that differs is the lowest.
            let bits = difference.trailing_zeros() & !7;
            return (self.prefix >> bits & 0xff).cmp(&(other.prefix >> bits & 0xff));
        }
        match self.same_after_prefix(other) {
            true => Ordering::Equal,
            false => self.bytes.cmp(other.bytes),
        }
    }
}

impl PartialOrd for Name<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Name<'_> {}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// Sorts names, each with the place of what bears it. Fails with a name that two share, and the place
/// of the later bearer.
pub(crate) fn sort_distinct<'n>(
    names: &'n mut [(Cow<'_, str>, usize)],
) -> Result<(), (&'n str, usize)> {
    names.sort_unstable();
    let mut pairs = names.iter().zip(names.iter().skip(1));
    pairs.find(|((a, _), (b, _))| a == b).map_or(Ok(()), |(_, (name, place))| Err((name, *place)))
}
