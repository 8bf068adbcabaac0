//! A policy `cluster`: the cluster is asked who is calling.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::LoginOptions;
use ccs_modules_host::mirror::{MirrorSettings, StoreMirror};
use ccs_modules_host::server::{Authenticator, ClusterLogins, Settings};
use ccs_modules_host::stores::Cluster;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::cluster::upstream::{Answer, Upstream};
use crate::support::process::{Server, command};
use crate::support::serving::Serving;
use crate::support::wire::{Reply, Wire};

const LIST: &str = "[{\"uid\":\"a\"}]\n";

#[tokio::test]
async fn the_cluster_tells_the_role_of_every_kind_of_credentials() {
    let node = Upstream::start(Answer::ByHead(cluster_with_roles)).await;
    let server = serving(&node, LoginOptions::default()).await;
    for (field, status) in [
        (basic("ann:secret"), 200),
        (basic("ann:secret"), 200),
        ("Bearer a.b.c".into(), 200),
        ("JWT a.b.c".into(), 200),
        (basic("bob:secret"), 403),
        (basic("ann:wrong"), 401),
        ("Bearer wrong".into(), 401),
        ("Digest x".into(), 401),
        ("Basic ?".into(), 401),
    ] {
        assert_eq!(ask(&server, &field).await.status, status, "{field}");
    }
    assert_eq!(questions(&node), 6, "{:#?}", node.heads());
    let unknown = ask(&server, "Basic ?").await;
    assert!(unknown.header("www-authenticate").unwrap().starts_with("Basic "), "{unknown:?}");
}

#[tokio::test]
async fn an_older_cluster_is_asked_for_the_list_itself() {
    let node = Upstream::start(Answer::ByHead(cluster_without_roles)).await;
    let server = serving(&node, LoginOptions::default()).await;
    for (field, status) in
        [(basic("ann:secret"), 200), (basic("bob:secret"), 403), (basic("eve:secret"), 401)]
    {
        assert_eq!(ask(&server, &field).await.status, status, "{field}");
    }
}

#[tokio::test]
async fn while_the_cluster_is_down_only_those_whom_it_allowed_are_let_in() {
    let mut node = Upstream::start(Answer::ByHead(cluster_with_roles)).await;
    let options = LoginOptions { max_age_ms: 1, ..LoginOptions::default() };
    let server = serving(&node, options).await;
    assert_eq!(ask(&server, &basic("ann:secret")).await.status, 200);
    node.kill().await;
    for _ in 0..3 {
        assert_eq!(ask(&server, &basic("ann:secret")).await.status, 200);
        let unknown = ask(&server, "Bearer a.b.c").await;
        assert_eq!(unknown.status, 503);
        assert!(!unknown.text().contains(&node.address.to_string()), "{}", unknown.text());
    }
}

#[tokio::test]
async fn two_denials_of_a_name_are_the_last_ones_and_others_of_the_name_go_on() {
    let node = Upstream::start(Answer::ByHead(cluster_with_roles)).await;
    let server = serving(&node, LoginOptions::default()).await;
    assert_eq!(ask(&server, &basic("ann:secret")).await.status, 200);
    let before = questions(&node);
    let mut found = Vec::new();
    for password in ["1", "2", "3", "4"] {
        found.push(ask(&server, &basic(&format!("Ann:{password}"))).await.status);
    }
    assert_eq!(found, [401, 401, 429, 429]);
    assert_eq!(questions(&node) - before, 2);
    let refused = ask(&server, &basic("ann:other")).await;
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(refused.status == 429 && (890..=901).contains(&seconds), "{refused:?}");
    assert_eq!(ask(&server, &basic("ann:secret")).await.status, 200);
    assert_eq!(ask(&server, "Bearer a.b.c").await.status, 200);
}

#[tokio::test]
async fn many_requests_of_one_user_are_one_question() {
    let node = Upstream::start(Answer::ByHead(cluster_with_roles)).await;
    let server = Arc::new(serving(&node, LoginOptions::default()).await);
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        let server = server.clone();
        clients.spawn(async move { ask(&server, &basic("ann:secret")).await.status });
    }
    assert_eq!(clients.join_all().await, [200; 20]);
    assert_eq!(questions(&node), 1);
}

#[tokio::test]
async fn the_command_asks_its_cluster_and_logs_no_credentials() {
    let node = Upstream::start(Answer::ByHead(cluster_with_roles)).await;
    let folder = TempDir::new().unwrap();
    let policy = folder.path().join("cluster.json");
    fs::write(&policy, r#"{"cluster":{"max_age_ms":1000}}"#).unwrap();
    let policy = policy.to_str().unwrap();

    let mut server = Server::start_with(&folder, &["--store", &node.url()], policy);
    let mut wire = Wire::connect(server.address).await;
    for (field, status) in [
        (basic("ann:secret"), 200),
        (basic("bob:secret"), 403),
        (basic("eve:guess"), 401),
        ("Bearer a.b.c".into(), 200),
    ] {
        wire.send(request(&field)).await;
        assert_eq!(wire.reply("GET").await.status, status, "{field}");
    }
    server.stop();
    let log = server.log();
    for secret in ["secret", "guess", "a.b.c", &BASE64.encode("ann:secret")] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("\"user\":\"ann\""), "{log}");
    assert!(log.contains("none of the caller's roles may view modules: none"), "{log}");

    let mut alone = command(&["serve", "--access", policy]);
    let output = alone.stdout(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let needed = "error: the access policy cluster needs a cluster, `--store https://NODE:9443`";
    assert!(text.contains(needed), "{text}");
}

/// A cluster since 2026. The mirror has an account of its own.
fn cluster_with_roles(head: &str) -> (u16, &'static str) {
    let role = match authorization(head) {
        field if field == basic("ann:secret") => r#"{"role":"db_viewer"}"#,
        field if field == basic("bob:secret") => r#"{"role":"none"}"#,
        "Bearer a.b.c" | "JWT a.b.c" => r#"{"role":"cluster_member"}"#,
        _ if !head.starts_with("GET /v1/users/role ") => return (200, LIST),
        _ => return (401, ""),
    };
    if head.starts_with("GET /v1/users/role ") { (200, role) } else { (200, LIST) }
}

/// A cluster that does not have the path of roles.
fn cluster_without_roles(head: &str) -> (u16, &'static str) {
    match authorization(head) {
        _ if !head.starts_with("GET /v1/modules ") => (404, ""),
        "" => (200, LIST),
        field if field == basic("ann:secret") => (200, LIST),
        field if field == basic("bob:secret") => (403, ""),
        _ => (401, ""),
    }
}

fn authorization(head: &str) -> &str {
    let field = head.lines().find_map(|line| line.strip_prefix("authorization: "));
    field.unwrap_or_default()
}

fn questions(node: &Upstream) -> usize {
    node.heads().iter().filter(|head| head.starts_with("GET /v1/users/role ")).count()
}

async fn serving(node: &Upstream, options: LoginOptions) -> Serving {
    let cluster = || Cluster::new(&node.url().parse().unwrap(), None).unwrap();
    let mirror = StoreMirror::start(cluster(), MirrorSettings::default()).await.unwrap();
    let logins = ClusterLogins::new(cluster(), options).unwrap();
    let access = Some(Authenticator::Cluster(logins));
    Serving::answering(mirror, Settings { access, ..Settings::default() }).await
}

async fn ask(server: &Serving, field: &str) -> Reply {
    let mut wire = Wire::connect(server.address).await;
    wire.send(request(field)).await;
    wire.reply("GET").await
}

fn request(field: &str) -> String {
    format!("GET /v1/modules HTTP/1.1\r\nhost: test\r\nauthorization: {field}\r\n\r\n")
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64.encode(credentials))
}
