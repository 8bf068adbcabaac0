//! A cluster as the store of the command.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ccs_modules_host::Ccs;
use ccs_modules_host::stores::demo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};

use crate::cluster::certificates::Authority;
use crate::cluster::upstream::{Answer, Upstream};
use crate::support::process::command;

const DEMO: &str = include_str!("../../../../host/src/stores/demo.json");

#[tokio::test]
async fn every_command_reads_a_cluster() {
    let authority = Authority::new();
    let node = Upstream::start_tls(&authority.sign("127.0.0.1"), Answer::list(DEMO)).await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let credentials = path("credentials.json");
    fs::write(&credentials, r#"{"user":"ann","password":"s3cret"}"#).unwrap();
    let plain = format!("{}?ca={}", node.url(), authority.path().display());
    let named = format!("{plain}&credentials={credentials}");
    for store in [&plain, &named] {
        let listed = run(&["list", "--format", "json", "--store", store]).await;
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), DEMO, "{:?}", listed.stderr);
        let exported = run(&["export", "--store", store, "-o", &path("modules.json")]).await;
        assert_eq!(exported.status.code(), Some(0), "{exported:?}");
        assert_eq!(fs::read_to_string(path("modules.json")).unwrap(), DEMO);
        let baked = run(&["bake", store, "-o", &path("service.wasm")]).await;
        assert_eq!(baked.status.code(), Some(0), "{baked:?}");
        let load = run(&["load", store, "--into", "redis://127.0.0.1:1", "--dry-run"]).await;
        let text = String::from_utf8(load.stderr).unwrap();
        assert_eq!(text, "error: redis at 127.0.0.1:1: connection refused\n");
    }
    let heads = node.heads();
    assert_eq!(heads.len(), 8);
    for head in &heads {
        assert!(head.contains("\r\nauthorization: Basic YW5uOnMzY3JldA==\r\n"), "{head}");
    }

    let document = demo().list_documents().await.unwrap().remove(3);
    let document = String::from_utf8(document).unwrap();
    node.answer(Answer::list(&format!("{document}\n")));
    let uid = document.split("\"uid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let got = run(&["get", uid, "--format", "json", "--store", &plain]).await;
    assert_eq!(String::from_utf8(got.stdout).unwrap(), format!("{document}\n"));
}

#[tokio::test]
async fn a_failure_names_the_node_and_no_password() {
    let node = Upstream::start(Answer::status(401)).await;
    let store = node.url();
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("service.wasm");
    for arguments in [
        &["list", "--store", &store][..],
        &["get", "a", "--store", &store],
        &["export", "--store", &store],
        &["load", &store, "--into", "redis://127.0.0.1:1"],
        &["bake", &store, "-o", output.to_str().unwrap()],
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(&format!("{store} answered 401")), "{arguments:?}: {text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn the_environment_has_a_user_and_a_password_or_a_token() {
    const TOKEN: (&str, Option<&str>) = ("REDIS_ENTERPRISE_TOKEN", Some("a.b.c"));
    let node = Upstream::start(Answer::list(DEMO)).await;
    let listed = async |variables: &[(&str, Option<&str>)]| {
        let mut list = command(&["list", "--store", &node.url()]);
        for (name, value) in variables {
            match value {
                Some(value) => list.env(name, value),
                None => list.env_remove(name),
            };
        }
        output_of(list).await
    };

    let (user, password) = (("REDIS_ENTERPRISE_USER", None), ("REDIS_ENTERPRISE_PASSWORD", None));
    assert_eq!(listed(&[user, password, TOKEN]).await.status.code(), Some(0));
    assert!(node.heads()[0].contains("\r\nauthorization: Bearer a.b.c\r\n"), "{:?}", node.heads());
    for variables in [&[password][..], &[user], &[TOKEN], &[user, TOKEN], &[password, TOKEN]] {
        let failed = listed(variables).await;
        let text = String::from_utf8(failed.stderr).unwrap();
        assert!(text.contains("set the first two, or the last one alone"), "{variables:?}: {text}");
        assert!(!text.contains("s3cret") && !text.contains("a.b.c"), "{text}");
    }
    assert_eq!(node.heads().len(), 1);
}

#[tokio::test]
async fn the_time_of_a_store_can_be_chosen() {
    let node = Upstream::start(Answer::Silence).await;
    let output = run(&["list", "--store", &node.url(), "--timeout", "100ms"]).await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no response in"), "{text}");
}

#[tokio::test]
async fn a_proxy_of_the_environment_connects_to_nodes_with_tls() {
    let authority = Authority::new();
    let certified = authority.sign("cluster.invalid");
    let node = Upstream::start_tls(&certified, Answer::list(DEMO)).await;
    let plain = Upstream::start(Answer::list(DEMO)).await;
    let proxy = Proxy::start(node.address).await;
    let through = |store: &str| {
        let mut list = command(&["list", "--format", "json", "--store", store]);
        list.env("HTTPS_PROXY", format!("http://ann:s3cret@{}", proxy.address));
        list.env("HTTP_PROXY", format!("http://{}", proxy.address));
        list
    };

    // As people copy it from a line of curl.
    let ca = authority.path().display().to_string();
    let store = format!("HTTPS://cluster.invalid:9443/v1/modules?ca={ca}");
    let listed = output_of(through(&store)).await;
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), DEMO, "{:?}", listed.stderr);
    let heads = proxy.heads.lock().unwrap().clone();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT cluster.invalid:9443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n"), "{heads:?}");
    assert!(node.heads()[0].contains("\r\nuser-agent: ccs-modules/"), "{:?}", node.heads());

    // Not to this machine, not without TLS, and not where the environment says so.
    let direct = output_of(through(&plain.url())).await;
    assert_eq!(String::from_utf8(direct.stdout).unwrap(), DEMO, "{:?}", direct.stderr);
    let mut excluded = through(&store);
    excluded.env("NO_PROXY", "cluster.invalid");
    assert_eq!(output_of(excluded).await.status.code(), Some(1));
    assert_eq!(proxy.heads.lock().unwrap().len(), 1);

    proxy.refuse();
    let refused = output_of(through(&store)).await;
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("the proxy 127.0.0.1: "), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

/// A proxy that connects everybody to one server. It ends when this is dropped.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
    _running: JoinSet<()>,
}

impl Proxy {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, refuses) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (seen, refusing) = (heads.clone(), refuses.clone());
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (seen, refusing) = (seen.clone(), refusing.clone());
                connections.spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(client.read_u8().await.unwrap());
                    }
                    seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                    if refusing.load(Ordering::Relaxed) {
                        client.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.unwrap();
                        return;
                    }
                    client.write_all(b"HTTP/1.1 200 Yes\r\n\r\n").await.unwrap();
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, heads, refuses, _running: running }
    }

    fn refuse(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_password_on_the_command_line_is_refused() {
    for arguments in [
        &["list", "--store", "https://ann:s3cret@node1:9443"][..],
        &["load", "https://ann:s3cret@node1:9443", "--into", "redis://127.0.0.1:1"],
        &["bake", "https://node1,https://ann:s3cret@node2", "-o", "service.wasm"],
        &["serve", "--store", "https://ann:s3cret@node1:9443"],
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("REDIS_ENTERPRISE_PASSWORD"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

async fn run(arguments: &[&str]) -> Output {
    output_of(command(arguments)).await
}

async fn output_of(mut command: Command) -> Output {
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}
