//! The subject of a certificate as text.

use std::fmt::Write as _;

use x509_parser::asn1_rs::ToDer as _;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Returns the subject of a certificate (DER) as RFC 4514 has it, and as OpenSSL writes it with `-nameopt RFC2253`;
/// `None` if it cannot be read.
pub(super) fn subject(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    text(certificate.subject())
}

/// The name with its last part first, and of each part the last attribute.
pub(super) fn text(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let mut attributes = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
        attributes.reverse();
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// A type and a value. A type without a short name is a number, and its value the bytes of the DER.
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let number = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    if let (Some(name), Ok(value)) = (name, attribute.as_str()) {
        return Some(format!("{name}={}", escaped(value)));
    }
    let der = attribute.attr_value().to_der_vec().ok()?;
    Some(format!("{}=#{}", name.unwrap_or(&number), hex(&der)))
}

/// The types with a short name, which is OpenSSL's.
const NAMES: [(&str, &str); 10] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// The value with what could be taken for another part escaped, and what is not printable ASCII.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    let last = value.len().saturating_sub(1);
    for (index, byte) in value.bytes().enumerate() {
        let is_escaped = match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => true,
            b' ' => index == 0 || index == last,
            b'#' => index == 0,
            _ => false,
        };
        match byte {
            b' '..=b'~' if is_escaped => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => drop(write!(text, "\\{byte:02X}")),
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}
