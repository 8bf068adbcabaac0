//! The header field `cache-status` (RFC 9211).

use alloc::format;
use alloc::string::{String, ToString as _};

use crate::mirror::Freshness;

/// Returns the value of the field for an answer from a snapshot: a hit, the seconds for which it is
/// still fresh, and the reason if it is not.
pub(super) fn field(freshness: &Freshness) -> String {
    match freshness {
        Freshness::Fresh { left } => format!("ccs-modules; hit; ttl={}", left.as_secs()),
        Freshness::Stale { over, why } => {
            let over = over.as_secs().saturating_add(1);
            format!("ccs-modules; hit; ttl=-{over}; detail={}", quoted(&why.to_string()))
        }
    }
}

/// Returns a text as a string of a structured field (RFC 9651, section 3.3.3), which is ASCII.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::error::StoreError;

    #[test]
    fn cache_status_has_a_ttl_and_the_reason_of_a_stale_hit() {
        let ms = Duration::from_millis;
        assert_eq!(field(&Freshness::Fresh { left: ms(1999) }), "ccs-modules; hit; ttl=1");
        assert_eq!(field(&Freshness::Fresh { left: ms(0) }), "ccs-modules; hit; ttl=0");
        let why = StoreError::Unavailable("a\"b\\c\n\u{e9}~".into()).into();
        assert_eq!(
            field(&Freshness::Stale { over: ms(1), why }),
            r#"ccs-modules; hit; ttl=-1; detail="the store is unavailable: a\"b\\c??~""#
        );
    }
}
