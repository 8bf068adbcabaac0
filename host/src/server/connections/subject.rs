//! The subject of a client's certificate.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio_rustls::rustls::ServerConnection;
use x509_parser::asn1_rs::ToDer as _;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The subject of the certificate that a client has shown, as an extension of a request. It is written as RFC
/// 4514 has it, and as OpenSSL does with `-nameopt RFC2253`.
#[derive(Clone)]
pub(in crate::server) struct Subject(pub(in crate::server) Arc<str>);

impl Subject {
    /// Returns the subject of the certificate that the client of a connection has shown. One that cannot be read
    /// counts as no certificate.
    pub(super) fn of(connection: &ServerConnection) -> Option<Self> {
        let certificate = connection.peer_certificates()?.first()?;
        let (_, certificate) = parse_x509_certificate(certificate).ok()?;
        text(certificate.subject()).map(|text| Self(text.into()))
    }
}

/// The name with its last part first, and of each part the last attribute.
fn text(name: &X509Name<'_>) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use x509_parser::prelude::FromDer as _;

    use super::*;

    fn subject(attributes: &[(DnType, DnValue)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = parse_x509_certificate(certificate.der()).unwrap();
        text(parsed.subject()).unwrap()
    }

    #[test]
    fn a_subject_is_written_with_its_last_part_first() {
        let utf8 = |text: &str| DnValue::Utf8String(text.into());
        let found = subject(&[
            (DnType::CountryName, DnValue::PrintableString("US".try_into().unwrap())),
            (DnType::StateOrProvinceName, utf8("CA")),
            (DnType::LocalityName, utf8("San José")),
            (DnType::OrganizationName, utf8("Example, \"Inc\" + <Co>; \\")),
            (DnType::OrganizationalUnitName, utf8("#1 ")),
            (DnType::CommonName, utf8(" a#n=n\u{0}\n ")),
        ]);
        // `openssl x509 -noout -subject -nameopt RFC2253` prints the same.
        let expected = concat!(
            r#"CN=\ a#n=n\00\0A\ ,OU=\#1\ ,O=Example\, \"Inc\" \+ \<Co\>\; \\,"#,
            r"L=San Jos\C3\A9,ST=CA,C=US",
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn a_type_without_a_short_name_and_a_value_of_another_kind_are_numbers() {
        let found = subject(&[
            (DnType::CustomDnType(vec![1, 2, 3, 4]), DnValue::Utf8String("ann".into())),
            (DnType::CommonName, DnValue::BmpString("ann".try_into().unwrap())),
        ]);
        assert_eq!(found, "CN=#1E060061006E006E,1.2.3.4=#0C03616E6E");
    }

    #[test]
    fn a_part_of_several_attributes_is_turned_around_too() {
        let name = b"\x30\x3b\x31\x10\x30\x0e\x06\x03\x55\x04\x0a\x0c\x07example\
            \x31\x27\x30\x08\x06\x03\x55\x04\x0b\x0c\x01b\x30\x0a\x06\x03\x55\x04\x03\x0c\x03ann\
            \x30\x0f\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01\x0c\x011";
        let (_, name) = X509Name::from_der(name).unwrap();
        assert_eq!(text(&name).as_deref(), Some("UID=1+CN=ann+OU=b,O=example"));
    }

    #[test]
    fn a_certificate_without_a_subject_has_an_empty_one() {
        assert_eq!(subject(&[]), "");
    }
}
