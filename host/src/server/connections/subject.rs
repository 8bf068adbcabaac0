//! The subject of a client's certificate.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConnection;

use crate::server::connections::distinguished_name;

/// The subject of the certificate that a client has shown, as an extension of a request.
#[derive(Clone)]
pub(in crate::server) struct Subject(pub(in crate::server) Arc<str>);

impl Subject {
    /// Returns the subject of the certificate that the client of a connection has shown. One that cannot be read
    /// counts as no certificate.
    pub(super) fn of(connection: &ServerConnection) -> Option<Self> {
        let certificate = connection.peer_certificates()?.first()?;
        distinguished_name::subject(certificate).map(|text| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use x509_parser::prelude::FromDer as _;
    use x509_parser::x509::X509Name;

    use crate::server::connections::distinguished_name;

    fn subject(attributes: &[(DnType, DnValue)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        distinguished_name::subject(certificate.der()).unwrap()
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
        assert_eq!(distinguished_name::text(&name).as_deref(), Some("UID=1+CN=ann+OU=b,O=example"));
    }

    #[test]
    fn a_certificate_without_a_subject_has_an_empty_one() {
        assert_eq!(subject(&[]), "");
    }
}
