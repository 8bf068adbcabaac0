//! Names of members, made to be compared quickly.

use core::cmp::Ordering;
use core::ops::Range;

/// The name of a member, with its first bytes as a number.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    /// The first eight bytes as one number, the first of them lowest; zeros where there are fewer.
    prefix: u64,
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    /// Returns the name with these characters, in UTF-8.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        let mut prefix = 0;
        let (mut remaining, mut bits) = (bytes, 0);
        while let [byte, tail @ ..] = remaining
            && bits < u64::BITS
        {
            prefix |= (*byte as u64) << bits;
            remaining = tail;
            bits += 8;
        }
        Self { prefix, bytes }
    }

    /// Returns the name that stands in `text`, most often with more text after it.
    #[inline(always)]
    pub(super) fn within(text: &'a [u8], range: Range<usize>) -> Self {
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

    #[inline(always)]
    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns whether two names whose prefixes are the same are the same. They are compared by eight
    /// bytes, the last eight perhaps again: for so few bytes a call to compare them costs more.
    #[inline(always)]
    fn same_after_prefix(&self, other: &Self) -> bool {
        let length = self.bytes.len();
        length == other.bytes.len()
            && (length <= 8
                || self.bytes.last_chunk::<8>() == other.bytes.last_chunk()
                    && (length <= 16 || self.bytes.get(8..) == other.bytes.get(8..)))
    }
}

impl Ord for Name<'_> {
    #[inline(always)]
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
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Name<'_> {}

impl PartialEq for Name<'_> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.same_after_prefix(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_their_bytes_do() {
        let names: [&[u8]; 15] = [
            b"",
            b"\0",
            b"a",
            b"a\0",
            b"b",
            b"ba",
            b"bb",
            b"abcdefgh",
            b"abcdefgh\0",
            b"abcdefghi",
            b"abcdefghj",
            b"abcdefghIjklmnop",
            b"abcdefghijklmnop",
            b"abcdefghIjklmnopqrstuvwx",
            b"abcdefghijklmnopqrstuvwx",
        ];
        for a in names {
            for b in names {
                assert_eq!(Name::new(a).cmp(&Name::new(b)), a.cmp(b), "{a:?} {b:?}");
                assert_eq!(Name::new(a) == Name::new(b), a == b, "{a:?} {b:?}");
                let text = [a, b"\":\"0123456789"].concat();
                assert!(Name::within(&text, 0..a.len()) == Name::new(a), "{a:?} in a text");
            }
        }
    }
}
