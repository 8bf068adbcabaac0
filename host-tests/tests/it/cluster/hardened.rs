//! A cluster that wants a certificate of its clients, or takes tokens only.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ccs_modules::access::LoginOptions;
use ccs_modules::mirror::Freshness;
use ccs_modules_host::Ccs as _;
use ccs_modules_host::mirror::{MirrorSettings, StoreMirror};
use ccs_modules_host::server::{Authenticator, ClusterLogins, Settings};
use ccs_modules_host::stores::{Cluster, demo, read_credentials};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::cluster::certificates::{Authority, write_pair};
use crate::cluster::mirror::until;
use crate::cluster::upstream::{Answer, Upstream};
use crate::support::serving::{Serving, plugin};
use crate::support::wire::Wire;

const LIST: &str = "[{\"uid\":\"a\"}]\n";

#[tokio::test]
async fn a_client_certificate_is_enough_and_is_read_again_when_it_was_replaced() {
    let (node, ours) = mutual(Answer::list(LIST)).await;
    let folder = TempDir::new().unwrap();
    write_pair(folder.path(), &ours.sign("ann"));
    let cluster = Cluster::new(&address(&node, &ours, folder.path()), None).unwrap();
    cluster.list_documents().await.unwrap();
    assert!(!node.heads()[0].contains("authorization"), "{:?}", node.heads());

    write_pair(folder.path(), &Authority::new().sign("ann"));
    let error = cluster.list_documents().await.unwrap_err().to_string();
    assert!(error.contains("it refuses the client certificate: "), "{error}");

    // While the files cannot be used, the last ones that could be are.
    write_pair(folder.path(), &ours.sign("bob"));
    cluster.list_documents().await.unwrap();
    fs::write(folder.path().join("key.pem"), "nonsense").unwrap();
    cluster.list_documents().await.unwrap();
}

#[tokio::test]
async fn an_authority_is_read_again_when_it_was_replaced() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::copy(old.path(), &ca).unwrap();
    let node = Upstream::start_tls(&new.sign("127.0.0.1"), Answer::list(LIST)).await;
    let address = format!("{}?ca={}", node.url(), ca.display()).parse().unwrap();
    let cluster = Cluster::new(&address, None).unwrap();
    cluster.list_documents().await.unwrap_err();
    fs::copy(new.path(), &ca).unwrap();
    cluster.list_documents().await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_missing_or_cannot_be_used_is_named() {
    let (node, ours) = mutual(Answer::list(LIST)).await;
    let without = format!("{}?ca={}", node.url(), ours.path().display()).parse().unwrap();
    let failure = async |address| {
        Cluster::new(&address, None).unwrap().list_documents().await.unwrap_err().to_string()
    };
    let error = failure(without).await;
    assert!(error.contains("it wants a client certificate; name its files with ?cert="), "{error}");

    let (one, other) = (ours.sign("ann"), ours.sign("ann"));
    let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let folder = TempDir::new().unwrap();
    for (chain, key, expected) in [
        ("", &*key, "cert.pem: there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n?", &key, "cert.pem: it is not PEM"),
        (&chain, "", "key.pem: there is no private key in it"),
        (&chain, encrypted, "key.pem: it is encrypted; `openssl pkey` decrypts it"),
        (
            &chain,
            &other.signing_key.serialize_pem(),
            "cert.pem: the certificate and its private key: ",
        ),
    ] {
        fs::write(folder.path().join("cert.pem"), chain).unwrap();
        fs::write(folder.path().join("key.pem"), key).unwrap();
        let error = failure(address(&node, &ours, folder.path())).await;
        let expected = format!("{}/{expected}", folder.path().display());
        assert!(error.contains(&expected), "{error}");
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let error = failure(address(&node, &ours, folder.path())).await;
    assert!(error.contains("key.pem: there is no such file"), "{error}");
}

#[tokio::test]
async fn the_own_certificate_is_not_shown_with_the_credentials_of_a_caller() {
    let (node, ours) = mutual(Answer::list(LIST)).await;
    let folder = TempDir::new().unwrap();
    write_pair(folder.path(), &ours.sign("ann"));
    let cluster = Cluster::new(&address(&node, &ours, folder.path()), None).unwrap();
    let logins = ClusterLogins::new(cluster, LoginOptions::default()).unwrap();
    let access = Some(Authenticator::Cluster(logins));
    let server = Serving::start(plugin(), demo(), Settings { access, ..Settings::default() }).await;
    let mut wire = Wire::connect(server.address).await;
    wire.send("GET /v1/modules HTTP/1.1\r\nhost: test\r\nauthorization: Bearer a.b.c\r\n\r\n")
        .await;
    let reply = wire.reply("GET").await;
    assert_eq!((reply.status, node.heads().len()), (503, 0), "{reply:?}");
}

#[tokio::test]
async fn a_token_that_expires_is_a_denial_until_the_file_changes() {
    let node = Upstream::start(Answer::ByHead(cluster_with_one_token::<'1'>)).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    let write = |token: &str| fs::write(&file, format!(r#"{{"token":"{token}"}}"#)).unwrap();
    write("token-1");
    let address = format!("{}?credentials={}", node.url(), file.display()).parse().unwrap();
    let cluster = Cluster::new(&address, Some(read_credentials(&file).unwrap())).unwrap();
    let refresh = Duration::from_millis(10);
    let mirror =
        StoreMirror::start(cluster, MirrorSettings { refresh, ..MirrorSettings::default() })
            .await
            .unwrap();
    let is_fresh = || matches!(mirror.status().freshness, Ok(Freshness::Fresh { .. }));
    until(|| mirror.status().fetches.unchanged > 1).await;

    node.answer(Answer::ByHead(cluster_with_one_token::<'2'>));
    until(|| mirror.status().fetches.failed == 1).await;
    let asked = node.heads().len();
    sleep(Duration::from_millis(1300)).await;
    assert_eq!((node.heads().len(), is_fresh()), (asked, false));

    write("token-2");
    until(is_fresh).await;
    assert_eq!(mirror.status().fetches.failed, 1);
}

/// A cluster that takes one token, and no password.
fn cluster_with_one_token<const NUMBER: char>(head: &str) -> (u16, &'static str) {
    match head.contains(&format!("\r\nauthorization: Bearer token-{NUMBER}\r\n")) {
        true => (200, LIST),
        false => (401, ""),
    }
}

/// A node that wants certificates of an authority, which signed its own too.
async fn mutual(answer: Answer) -> (Upstream, Authority) {
    let authority = Authority::new();
    let node = Upstream::start_mutual(&authority.sign("127.0.0.1"), &authority, answer).await;
    (node, authority)
}

/// The address of a node, with the certificate in this folder.
fn address(
    node: &Upstream,
    authority: &Authority,
    folder: &Path,
) -> ccs_modules_host::stores::ClusterAddress {
    let (ca, folder) = (authority.path(), folder.display());
    let ca = ca.display();
    let text = format!("{}?ca={ca}&cert={folder}/cert.pem&key={folder}/key.pem", node.url());
    text.parse().unwrap()
}
