//! How much of a text stands for itself in a JSON string: ASCII without control characters, quote
//! and backslash. [`CHUNK`] bytes are looked at a time.

/// How many bytes are looked at a time.
pub(super) const CHUNK: usize = 16;

/// How many bytes from the start of `text` stand for themselves.
pub(super) fn of(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let plain = of_chunk(chunk);
        at += plain;
        if plain < CHUNK {
            return at;
        }
    }
    let plain = |&byte: &u8| matches!(byte, 0x20..0x80) && byte != b'"' && byte != b'\\';
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| plain(byte)).count()
}

/// How many bytes from the start of `chunk` stand for themselves.
#[inline(always)]
pub(super) fn of_chunk(chunk: &[u8; CHUNK]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;

    // The high bit of each byte that stops. It gets set where a subtraction borrows; a borrow spoils
    // only the bytes after it, and the first is looked for.
    let stops = |bytes: u64| {
        let control = bytes.wrapping_sub(ONES * 0x20);
        let quote = (bytes ^ (ONES * 0x22)).wrapping_sub(ONES);
        let backslash = (bytes ^ (ONES * 0x5c)).wrapping_sub(ONES);
        (control | quote | backslash | bytes) & HIGH
    };
    let both = u128::from_le_bytes(*chunk);
    let (low, high) = (both as u64, (both >> 64) as u64);
    match (stops(low), stops(high)) {
        (0, 0) => CHUNK,
        (0, high) => 8 + high.trailing_zeros() as usize / 8,
        (low, _) => low.trailing_zeros() as usize / 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_found_at_every_place_of_a_chunk() {
        for length in 0..40 {
            for stop in [0, 0x1f, b'"', b'\\', 0x80, 0xff] {
                let mut text = alloc::vec![b'a'; length];
                text.extend([stop, b'"', 0x80, 0]);
                assert_eq!(of(&text), length);
            }
            assert_eq!(of(&alloc::vec![0x7f; length]), length);
        }
    }
}
