//! Names of members, made to be compared quickly.

/// The name of a member, with its first bytes as a number. Names are ordered as their bytes are.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Name<'a> {
    /// The first eight bytes as one number, the first of them highest. Zeros follow a shorter name.
    prefix: u64,
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    /// Returns the name with these characters, in UTF-8.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        let (mut prefix, mut unused) = (0, u64::BITS);
        let mut rest = bytes;
        while let [byte, tail @ ..] = rest
            && unused > 0
        {
            unused -= 8;
            prefix |= (*byte as u64) << unused;
            rest = tail;
        }
        Self { prefix, bytes }
    }

    /// Returns the name of this length at the start of `text`, which mostly goes on after it.
    #[inline(always)]
    pub(super) fn at_start(text: &'a [u8], length: usize) -> Self {
        let bytes = text.get(..length).unwrap_or_default();
        let Some(first) = text.first_chunk() else {
            return Self::new(bytes);
        };
        let mut prefix = u64::from_be_bytes(*first);
        if length < first.len() {
            prefix &= !(u64::MAX >> (8 * length));
        }
        Self { prefix, bytes }
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
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
                assert!(Name::at_start(&text, a.len()) == Name::new(a), "{a:?} in a text");
                assert!(Name::at_start(a, a.len()) == Name::new(a), "{a:?} at the end");
            }
        }
    }
}
