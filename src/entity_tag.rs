//! Strong entity tags (RFC 9110, section 8.8.3).

use alloc::format;
use alloc::string::String;
use core::hash::Hasher as _;

use twox_hash::XxHash64;

/// Returns the entity tag of a body with this hash and length. The hash distinguishes versions of one list.
/// It does not protect against an attacker who can write the list.
pub(crate) fn entity_tag(hash: u64, length: usize) -> String {
    format!("\"{hash:016x}-{length:x}\"")
}

/// Returns the hash of a body that consists of these parts.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    parts.iter().for_each(|part| hasher.write(part));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_of_different_bodies_differ() {
        let tag = |body: &[u8]| entity_tag(hash(&[body]), body.len());
        assert_eq!(tag(b"[]\n"), "\"2c455418182f45b0-3\"");
        assert_ne!(tag(b"[1]\n"), tag(b"[2]\n"));
        assert!(tag(&[b'a'; 300]).ends_with("-12c\""));
        assert_eq!(hash(&[b"a", b"b"]), hash(&[b"ab"]));
    }
}
