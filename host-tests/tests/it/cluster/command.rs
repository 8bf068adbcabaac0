//! A cluster as the store of the command.

use std::fs;
use std::process::{Command, Output};

use ccs_modules_host::Ccs;
use ccs_modules_host::stores::demo;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::cluster::certificates::Authority;
use crate::cluster::upstream::{Answer, Upstream};
use crate::process::command;

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
    let mut without = command(&["list", "--store", &store]);
    without.env_remove("REDIS_ENTERPRISE_PASSWORD");
    let failed = output_of(without).await;
    let text = String::from_utf8(failed.stderr).unwrap();
    assert!(text.contains("REDIS_ENTERPRISE_PASSWORD is not; set both"), "{text}");
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
