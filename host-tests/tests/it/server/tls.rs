//! TLS.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules_host::server::{ConnectionLimits, Settings, Tls};
use ccs_modules_host::stores::demo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::server::http2;
use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn http_1_1_and_http_2_are_offered_by_alpn() {
    let tls = Tls::self_signed(&["localhost"]).unwrap();
    let certificate = tls.certificate().to_vec();
    let server = serve(tls).await;
    let expected = {
        let stream = connect(&server, &certificate, "http/1.1").await.unwrap();
        let reply = Wire::over(stream).ask("GET", "/v1/modules").await;
        assert_eq!(reply.status, 200);
        reply.body
    };
    let stream = connect(&server, &certificate, "h2").await.unwrap();
    let answer = http2::Client::over(stream).await.get("/v1/modules").await;
    assert_eq!(answer, (200, expected));
}

#[tokio::test]
async fn a_certificate_is_read_from_pem() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(
        pem("CERTIFICATE", cert.der()).as_bytes(),
        pem("PRIVATE KEY", &signing_key.serialize_der()).as_bytes(),
    );
    let server = serve(tls.unwrap()).await;
    let stream = connect(&server, cert.der(), "http/1.1").await.unwrap();
    assert_eq!(Wire::over(stream).ask("GET", "/v1/modules").await.status, 200);
}

#[tokio::test]
async fn another_certificate_is_not_trusted() {
    let server = serve(Tls::self_signed(&["localhost"]).unwrap()).await;
    let other = Tls::self_signed(&["localhost"]).unwrap();
    connect(&server, other.certificate(), "h2").await.unwrap_err();
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let limits = ConnectionLimits {
        client_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    };
    let tls = Some(Tls::self_signed(&["localhost"]).unwrap());
    let server = Serving::start(plugin(), demo(), Settings { limits, tls, ..open_to_all() }).await;
    assert_eq!(Wire::connect(server.address).await.rest().await, b"");
    let mut plain = Wire::connect(server.address).await;
    plain.send("GET /v1/modules HTTP/1.1\r\n\r\n").await;
    assert!(!plain.rest().await.starts_with(b"HTTP"));
}

#[test]
fn an_unusable_certificate_or_key_is_named_and_not_shown() {
    let pair = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (one, other) = (pair(), pair());
    let certificate = pem("CERTIFICATE", one.cert.der());
    let key = pem("PRIVATE KEY", &one.signing_key.serialize_der());
    let other_key = pem("PRIVATE KEY", &other.signing_key.serialize_der());
    let encrypted = pem("ENCRYPTED PRIVATE KEY", b"secret");
    let broken = "-----BEGIN PRIVATE KEY-----\nsecret\n";
    for (certificate, key, text) in [
        ("", &*key, "the certificate chain: there is no certificate in it"),
        (&*key, &*key, "the certificate chain: there is no certificate in it"),
        (&*certificate, "", "the private key: there is no private key in it"),
        (&*certificate, broken, "the private key: it is not PEM"),
        (
            &*certificate,
            &*encrypted,
            "the private key: it is encrypted; `openssl pkey` decrypts it",
        ),
    ] {
        let error = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    let error = Tls::from_pem(certificate.as_bytes(), other_key.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("the certificate and its private key: "), "{error}");
    Tls::self_signed(&["not ascii: é"]).unwrap_err();
}

async fn serve(tls: Tls) -> Serving {
    Serving::start(plugin(), demo(), Settings { tls: Some(tls), ..open_to_all() }).await
}

/// A connection of a client that trusts this certificate only.
async fn connect(
    server: &Serving,
    certificate: &[u8],
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(server.address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().unwrap(), stream)
        .await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    Ok(stream)
}

fn pem(label: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(bytes))
}
