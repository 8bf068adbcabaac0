//! Redis over TLS.

use std::fs;
use std::path::Path;

use ccs_modules_host::stores::Redis;
use ccs_modules_host::{Ccs, CcsError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::body::{DEMO, catalog};
use crate::server::Server;

#[tokio::test]
async fn a_certificate_of_the_given_authority_is_trusted() {
    let (folder, server) = start("127.0.0.1");
    let store = store(&server, &format!("?ca={}", folder.path().join("ca.pem").display()));
    assert_eq!(store.replace(&catalog(DEMO)).await.unwrap().added, 16);
    assert_eq!(store.list_documents().await.unwrap().len(), 16);
}

#[tokio::test]
async fn any_other_certificate_is_refused() {
    let (_, server) = start("127.0.0.1");
    let (other, _) = start("127.0.0.1");
    let other_ca = format!("?ca={}", other.path().join("ca.pem").display());
    for parameter in ["", &other_ca] {
        let text = unavailable(&store(&server, parameter)).await;
        assert!(text.contains("certificate"), "{text}");
        assert!(!text.contains(&server.password), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (folder, server) = start("elsewhere.example");
    let store = store(&server, &format!("?ca={}", folder.path().join("ca.pem").display()));
    let text = unavailable(&store).await;
    assert!(text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn the_file_of_the_authority_may_come_later() {
    let (folder, server) = start("127.0.0.1");
    let path = folder.path().join("later.pem");
    let store = store(&server, &format!("?missing=empty&ca={}", path.display()));
    let text = unavailable(&store).await;
    assert_eq!(text, format!("cannot read {}: there is no such file", path.display()));
    fs::copy(folder.path().join("ca.pem"), &path).unwrap();
    while store.list_documents().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn plain_text_where_tls_is_spoken() {
    let (_, server) = start("127.0.0.1");
    let Err(error) = server.store().list_documents().await else {
        panic!("it is TLS");
    };
    assert!(matches!(error, CcsError::Unavailable(_) | CcsError::Other(_)), "{error}");
}

async fn unavailable(store: &Redis) -> String {
    match store.list_documents().await {
        Err(CcsError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn store(server: &Server, parameter: &str) -> Redis {
    let url = server.url().replace("redis://", "rediss://");
    Redis::new(format!("{url}{parameter}").parse().unwrap())
}

/// A Redis whose certificate, for this name, is signed by its own authority.
fn start(name: &str) -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let write = |file: &str, text: String| {
        let path = folder.path().join(file);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = write("ca.pem", ca.self_signed(&ca_key).unwrap().pem());
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let certificate = write("redis.pem", leaf.pem());
    let key = write("redis.key", key.serialize_pem());
    assert!(Path::new(&key).is_file());
    let server = Server::start_with(&[
        "--tls-port",
        "{port}",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca_pem,
        "--tls-auth-clients",
        "no",
    ]);
    (folder, server)
}
