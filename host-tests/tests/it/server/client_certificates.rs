//! Certificates of clients: their subjects have the roles of the policy.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::Access;
use ccs_modules_host::server::{ClientCa, Settings, Tls};
use ccs_modules_host::stores::demo;
use rcgen::{CertifiedKey, DnType, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::cluster::certificates::{Authority, write_pair};
use crate::server::http2;
use crate::support::process::{Server, command};
use crate::support::serving::{Serving, plugin, until};

type Certificate = CertifiedKey<KeyPair>;

/// SHA-256 of `secret`.
const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

#[tokio::test]
async fn a_subject_of_the_policy_reads_over_both_protocols() {
    let (clients, server) = (Authority::new(), Authority::new());
    let serving = serve(&server, &clients, subjects()).await;
    let ann = ann(&clients);
    assert_eq!(ask(serving.address, &server, Some(&ann), "").await.unwrap(), 200);
    let stream = connect(serving.address, &server, Some(&ann), "h2").await.unwrap();
    assert_eq!(http2::Client::over(stream).await.get("/v1/modules").await.0, 200);
}

#[tokio::test]
async fn without_a_certificate_passwords_go_on_and_nobody_else_is_known() {
    let (clients, server) = (Authority::new(), Authority::new());
    let user = json!([{"name": "bob", "password_sha256": DIGEST, "roles": ["db_viewer"]}]);
    let mut policy = subjects();
    let alone = serve(&server, &clients, policy.clone()).await;
    policy["users"] = user;
    let both = serve(&server, &clients, policy).await;

    let bob = basic("bob:secret");
    assert_eq!(ask(alone.address, &server, None, "").await.unwrap(), 401);
    assert_eq!(ask(alone.address, &server, None, &bob).await.unwrap(), 401);
    assert_eq!(ask(both.address, &server, None, "").await.unwrap(), 401);
    assert_eq!(ask(both.address, &server, None, &bob).await.unwrap(), 200);

    let (ann, eve) = (ann(&clients), stranger(&clients));
    assert_eq!(ask(both.address, &server, Some(&ann), "").await.unwrap(), 200);
    assert_eq!(ask(both.address, &server, Some(&eve), "").await.unwrap(), 403);
    assert_eq!(ask(both.address, &server, Some(&eve), &bob).await.unwrap(), 200);
    assert_eq!(ask(both.address, &server, Some(&ann), &basic("bob:wrong")).await.unwrap(), 401);
    assert_eq!(ask(alone.address, &server, Some(&ann), &basic("bob:wrong")).await.unwrap(), 200);
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_ends_the_connection() {
    let (clients, server) = (Authority::new(), Authority::new());
    let serving = serve(&server, &clients, subjects()).await;
    for invalid in [ann(&Authority::new()), clients.sign_expired("ann")] {
        ask(serving.address, &server, Some(&invalid), "").await.unwrap_err();
    }
}

#[tokio::test]
async fn a_header_field_is_no_certificate() {
    let (clients, server) = (Authority::new(), Authority::new());
    let serving = serve(&server, &clients, subjects()).await;
    for name in ["x-forwarded-client-cert", "ssl-client-s-dn", "subject"] {
        let field = format!("{name}: CN=ann,O=example\r\n");
        assert_eq!(ask(serving.address, &server, None, &field).await.unwrap(), 401, "{name}");
    }
}

#[tokio::test]
async fn the_log_has_the_subject_and_a_rotated_authority_is_used() {
    let (old, new, server) = (Authority::new(), Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    write_pair(folder.path(), &server.sign("localhost"));
    fs::copy(old.path(), path("clients.pem")).unwrap();
    fs::write(path("subjects.json"), subjects().to_string()).unwrap();
    let options = [
        "--tls-cert",
        &path("cert.pem"),
        "--tls-key",
        &path("key.pem"),
        "--client-ca",
        &path("clients.pem"),
    ];
    let serving = Server::start_with(&folder, &options, &path("subjects.json"));
    let asked =
        async |client: &Certificate| ask(serving.address, &server, Some(client), "").await.ok();

    assert_eq!(asked(&ann(&old)).await, Some(200));
    assert_eq!(asked(&stranger(&old)).await, Some(403));
    serving.logged(r#""user":"CN=ann,O=example""#).await;
    serving.logged(r#""user":"CN=eve\\, ann,O=example""#).await;
    serving.logged(r#"unmapped:CN=eve\\, ann,O=example"#).await;

    fs::write(path("clients.pem"), "nonsense").unwrap();
    serving.signal("HUP");
    serving.logged("the authority of clients stays as it was").await;
    assert_eq!((asked(&ann(&old)).await, asked(&ann(&new)).await), (Some(200), None));

    fs::copy(new.path(), path("clients.pem")).unwrap();
    until(async || asked(&ann(&new)).await == Some(200)).await;
    assert_eq!(asked(&ann(&old)).await, None);

    // The authority stays when the certificate of the server is replaced.
    write_pair(folder.path(), &server.sign("localhost"));
    serving.signal("HUP");
    serving.logged("the certificate was read again").await;
    assert_eq!((asked(&ann(&old)).await, asked(&ann(&new)).await), (None, Some(200)));
}

#[tokio::test]
async fn what_is_missing_for_certificates_is_named_at_the_start() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("subjects.json"), subjects().to_string()).unwrap();
    fs::write(path("open.json"), r#"{"anonymous":["db_viewer"]}"#).unwrap();
    fs::write(path("empty.pem"), "").unwrap();
    let (access, open, ca) = (path("subjects.json"), path("open.json"), path("empty.pem"));
    for (arguments, expected) in [
        (&["--access", &access][..], "subjects alone, which need --client-ca FILE"),
        (&["--access", &access, "--tls-self-signed"], "need --client-ca FILE"),
        (&["--access", &open, "--client-ca", &ca], "--tls-self-signed"),
        (
            &["--access", &open, "--tls-self-signed", "--client-ca", &ca],
            "empty.pem: there is no certificate in it",
        ),
    ] {
        let mut command = command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn an_authority_that_cannot_be_used_is_named() {
    for (text, expected) in [
        ("", "the certificate chain: there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n?", "the certificate chain: it is not PEM"),
    ] {
        assert_eq!(ClientCa::from_pem(text.as_bytes()).unwrap_err().to_string(), expected);
    }
    let nonsense = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n";
    let error = ClientCa::from_pem(nonsense.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("certificate 1 is not valid: "), "{error}");
}

fn subjects() -> Value {
    json!({"subjects": {"CN=ann,O=example": ["db_viewer"]}})
}

fn ann(authority: &Authority) -> Certificate {
    authority.sign_subject(&[(DnType::OrganizationName, "example"), (DnType::CommonName, "ann")])
}

/// A client whose subject the policy does not have.
fn stranger(authority: &Authority) -> Certificate {
    authority
        .sign_subject(&[(DnType::OrganizationName, "example"), (DnType::CommonName, "eve, ann")])
}

fn basic(credentials: &str) -> String {
    format!("authorization: Basic {}\r\n", BASE64.encode(credentials))
}

/// Starts a server with a certificate of its authority, for clients of another.
async fn serve(server: &Authority, clients: &Authority, policy: Value) -> Serving {
    let folder = TempDir::new().unwrap();
    write_pair(folder.path(), &server.sign("localhost"));
    let read = |path: &Path| fs::read(path).unwrap();
    let (chain, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let Access::Policy(policy) = Access::parse(policy.to_string().as_bytes()).unwrap() else {
        panic!("a policy")
    };
    let settings = Settings {
        access: Some(policy.into()),
        client_ca: Some(ClientCa::from_pem(&read(&clients.path())).unwrap()),
        tls: Some(Tls::from_pem(&read(&chain), &read(&key)).unwrap()),
        ..Settings::default()
    };
    Serving::start(plugin(), demo(), settings).await
}

/// Asks for the list over a connection of its own. Returns the status.
async fn ask(
    address: SocketAddr,
    server: &Authority,
    client: Option<&Certificate>,
    fields: &str,
) -> io::Result<u16> {
    let mut stream = connect(address, server, client, "http/1.1").await?;
    let request = "GET /v1/modules HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    stream.write_all(format!("{request}{fields}\r\n").as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).split(' ').nth(1).unwrap().parse().unwrap())
}

async fn connect(
    address: SocketAddr,
    server: &Authority,
    client: Option<&Certificate>,
    protocol: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(CertifiedKey { cert, signing_key }) => {
            let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![cert.der().clone()], key).unwrap()
        }
    };
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}
