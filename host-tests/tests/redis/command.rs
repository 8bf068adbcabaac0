//! `load` and `export`, as processes.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::body::{BLOOM, BODIES, DEMO, sorted};
use crate::server::Server;

#[tokio::test]
async fn a_body_is_loaded_served_and_exported() {
    let server = Server::start();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("modules.json");
    let back = folder.path().join("back.json");
    for body in BODIES.into_iter().chain([DEMO]) {
        fs::write(&file, body).unwrap();
        let loaded = run(&["load", file.to_str().unwrap(), "--into", &server.url()]);
        assert!(loaded.starts_with("wrote "), "{loaded}");

        let body = sorted(body).await;
        assert_eq!(run(&["list", "--format", "json", "--store", &server.url()]), body);
        assert_eq!(run(&["export", "--store", &server.url()]), body);
        let exported = run(&["export", "--store", &server.url(), "-o", back.to_str().unwrap()]);
        assert!(exported.ends_with(&format!("{} bytes\n", body.len())), "{exported}");
        assert_eq!(fs::read_to_string(&back).unwrap(), body);

        // An exported catalog that is loaded again is the same, to the byte.
        let again = run(&["load", back.to_str().unwrap(), "--into", &server.url()]);
        let count = body.matches("\"uid\"").count();
        let same = format!(": 0 new, 0 changed, {count} unchanged, 0 removed\n");
        assert!(again.ends_with(&same), "{again}");
        assert_eq!(run(&["export", "--store", &server.url()]), body);
    }
    assert!(run(&["get", BLOOM, "--store", &server.url()]).contains("RedisBloom"));
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "nothing else is left behind");
}

#[test]
fn load_reports_what_it_wrote() {
    let server = Server::start();
    let place = format!("redis://127.0.0.1:{}/0, key ccs:modules", server.port());
    let url = server.url();
    let load = |body: &str, options: &[&str]| {
        let arguments = [&["load", "-", "--into", &url], options].concat();
        stdout(&with_input(&arguments, body))
    };
    assert_eq!(
        load(DEMO, &["--dry-run"]),
        format!("would write 16 modules to {place}: 16 new, 0 changed, 0 unchanged, 0 removed\n")
    );
    let exported = command(&["export", "--store", &server.url()]).output().unwrap();
    assert_eq!(exported.status.code(), Some(1), "it was not written");
    let text = String::from_utf8(exported.stderr).unwrap();
    assert!(text.contains("the key ccs:modules is missing in database 0 of redis at "), "{text}");
    assert_eq!(
        load(DEMO, &[]),
        format!("wrote 16 modules to {place}: 16 new, 0 changed, 0 unchanged, 0 removed\n")
    );
    assert_eq!(
        load(r#"[{"uid":"a"}]"#, &[]),
        format!("wrote 1 module to {place}: 1 new, 0 changed, 0 unchanged, 16 removed\n")
    );
    for options in [&[][..], &["--dry-run"]] {
        let refused = with_input(&[&["load", "-", "--into", &url], options].concat(), "[]");
        assert_eq!(refused.status.code(), Some(1));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(text.contains("holds 1 module; --allow-empty removes it"), "{text}");
    }
    assert_eq!(
        load("[]", &["--allow-empty"]),
        format!(
            "wrote 0 modules to {place}: 0 new, 0 changed, 0 unchanged, 1 removed\n\
             the key is gone: readers need missing=empty in the address of the store\n"
        )
    );
}

#[test]
fn load_writes_nothing_if_a_document_is_malformed() {
    let server = Server::start();
    let url = server.url();
    with_input(&["load", "-", "--into", &url], DEMO);
    for (body, error) in [
        ("", "line 1, column 1: "),
        ("[\n  {\"uid\":\"a\"},\n  {\"uid\":\"b\",}\n]\n", "line 3, column 14: "),
        (
            "[{\"uid\":\"a\"},\n {\"uid\":\"a\"}]\n",
            "line 2, column 2: document \"a\": field uid: shared by ",
        ),
        ("[{\"uid\":\"a\",\"version\":-1}]", "line 1, column 2: document \"a\": field version: "),
        ("[{\"uid\":\"a\"},\n\n{}]", "line 3, column 1: document at index 1: field uid: missing"),
    ] {
        for options in [&[][..], &["--dry-run"]] {
            let arguments = [&["load", "-", "--into", &url], options].concat();
            let output = with_input(&arguments, body);
            assert_eq!(output.status.code(), Some(1));
            assert_eq!(output.stdout, b"");
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.starts_with(&format!("error: standard input, {error}")), "{text}");
        }
    }
    assert_eq!(run(&["export", "--store", &server.url()]).matches("\"uid\"").count(), 16);
}

#[test]
fn the_password_may_be_in_the_environment() {
    let server = Server::start();
    let url = format!("redis://127.0.0.1:{}?missing=empty", server.port());
    let output =
        command(&["export", "--store", &url]).env("REDISCLI_AUTH", &server.password).output();
    assert_eq!(stdout(&output.unwrap()), "[]\n");

    let output = command(&["export", "--store", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("asks for a password"), "{text}");
}

pub fn run(arguments: &[&str]) -> String {
    stdout(&command(arguments).output().unwrap())
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
    command
        .args(arguments)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("REDISCLI_AUTH")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
