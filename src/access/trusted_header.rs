//! A header field in which a proxy in front passes the names of the roles or groups of a caller.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::access::mapped;
use crate::access::policy::Role;
use crate::headers;

/// The header field, and the roles of each group.
#[derive(Clone)]
pub(super) struct TrustedHeader {
    /// The name of the header field, in any case.
    pub(super) name: String,
    /// The roles by the name of a group. `None` if the field has the names of roles.
    pub(super) map: Option<BTreeMap<String, Vec<Role>>>,
}

impl TrustedHeader {
    /// Returns the roles in the header fields of a request; `None` if the proxy has not set the field once.
    pub(super) fn roles(&self, headers: &[(&str, &[u8])]) -> Option<Vec<String>> {
        let value = core::str::from_utf8(headers::single(headers, &self.name)?).ok()?;
        let names = values(value);
        Some(match &self.map {
            Some(map) => names.iter().flat_map(|group| mapped(map, group)).collect(),
            None => names,
        })
    }
}

/// Returns the names in a field, in the forms that proxies write: a JSON array, base64 of one (Envoy's
/// `claim_to_headers`), names with commas between them, or names with white space between them (the `scope` of
/// RFC 6749, section 3.3).
fn values(field: &str) -> Vec<String> {
    let field = field.trim();
    let array = if field.starts_with('[') { array(field) } else { encoded_array(field) };
    if let Some(names) = array {
        return names;
    }

    // An array that is ill-formed must not grant what stands between its commas.
    let is_separator: fn(char) -> bool = match field {
        _ if field.starts_with('[') => |_| false,
        _ if field.contains(',') => |c| c == ',',
        _ => char::is_whitespace,
    };
    let names = field.split(is_separator).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_string).collect()
}

fn array(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// Decodes base64 of a JSON array, in the alphabet of RFC 4648, section 4 or 5, with padding or without.
fn encoded_array(text: &str) -> Option<Vec<String>> {
    const PADDING: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&STANDARD, PADDING);
    let decoded = engine.decode(text.replace('-', "+").replace('_', "/")).ok()?;
    array(core::str::from_utf8(&decoded).ok()?)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::*;

    #[test]
    fn roles_are_read_in_every_form_that_proxies_write() {
        let json = r#"["a b","c,d","\u00ff?>"]"#;
        let standard = general_purpose::STANDARD.encode(json);
        let url = general_purpose::URL_SAFE_NO_PAD.encode(json);
        for form in [json, &standard, &url, standard.trim_end_matches('=')] {
            assert_eq!(values(form), ["a b", "c,d", "\u{ff}?>"], "{form}");
        }
        for (field, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            (" a , b c ,, ", &["a", "b c"]),
            ("a  b\tc", &["a", "b", "c"]),
            ("[]", &[]),
            ("[a, admin, b]", &["[a, admin, b]"]),
            ("[1, \"admin\"]", &["[1, \"admin\"]"]),
            ("W10", &[]),
            ("YWRtaW4=", &["YWRtaW4="]),
        ] {
            assert_eq!(values(field), expected, "{field}");
        }
    }
}
