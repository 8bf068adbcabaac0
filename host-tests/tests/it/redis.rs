//! The Redis store without a Redis. The tests that need a real one are in `tests/redis`.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::stores::Redis;
use ccs_modules_host::{Ccs, CcsError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::support::port::ReservedPort;

#[tokio::test]
async fn a_port_without_a_server_is_unavailable() {
    let closed = ReservedPort::any();
    let store = store(closed.number());
    let text = format!("redis at {}: connection refused", closed.address());
    assert_eq!(store.list_documents().await, Err(CcsError::Unavailable(text.clone())));
    assert_eq!(store.get_document("a").await, Err(CcsError::Unavailable(text)));
}

#[tokio::test]
async fn silence_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let store = store(port).within(Duration::from_millis(50));
    let text = format!("redis at 127.0.0.1:{port} did not answer within 50 ms");
    assert_eq!(store.list_documents().await, Err(CcsError::Unavailable(text)));
}

#[tokio::test]
async fn a_reply_over_the_limit_is_named_and_one_at_the_limit_is_read() {
    let port = pretend("+OK\r\n*1\r\n$11\r\n{\"uid\":\"1\"}\r\n").await;
    let text = format!("a reply of redis at 127.0.0.1:{port} is longer than 21 bytes");
    let over = store(port).at_most(21).list_documents().await;
    assert_eq!(over, Err(CcsError::TooLong(text)));
    let at_the_limit = store(port).at_most(22).list_documents().await.unwrap();
    assert_eq!(at_the_limit, [b"{\"uid\":\"1\"}"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_its_reply_to_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Redis::new(format!("redis://{address}").parse().unwrap());
    // The replies of each connection have its number, and come late on the first one.
    tokio::spawn(async move {
        for number in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let reply = format!("$11\r\n{{\"uid\":\"{number}\"}}\r\n");
                while stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
                    if number == 1 {
                        sleep(Duration::from_millis(50)).await;
                    }
                    let _ = stream.write_all(reply.as_bytes()).await;
                }
            });
        }
    });

    let dropped = timeout(Duration::from_millis(10), store.get_document("a")).await;
    assert!(dropped.is_err(), "{dropped:?}");
    for _ in 0..2 {
        let document = store.get_document("a").await.unwrap().unwrap();
        assert_eq!(document, b"{\"uid\":\"2\"}");
    }
}

#[tokio::test]
async fn a_file_of_certificates_is_named_where_it_is_none() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    let closed = ReservedPort::any();
    let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, reason) in [
        (None, "cannot read PATH: there is no such file"),
        (Some(""), "PATH: there is no certificate in it"),
        (Some("# a comment\n"), "PATH: there is no certificate in it"),
        (Some(cut), "PATH: it is not PEM"),
        (Some(not_a_certificate), "PATH: certificate 1 is not valid: "),
    ] {
        let _ = text.map(|text| fs::write(&path, text).unwrap());
        let url = format!("rediss://{}?ca={}", closed.address(), path.display());
        let Err(CcsError::Unavailable(found)) =
            Redis::new(url.parse().unwrap()).list_documents().await
        else {
            panic!("{text:?}: no server listens");
        };
        let reason = reason.replace("PATH", path.to_str().unwrap());
        assert!(found.starts_with(&reason), "{text:?}: {found}");
    }
}

#[tokio::test]
async fn what_redis_repeats_is_not_repeated() {
    for answer in [
        "-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n",
        "-SECRET secret\r\n",
        "-secret\r\n",
        "-ERR\r\n",
        "+OK\r\n-ERR secret\r\n",
        "+OK\r\n-secret\r\n",
        "+OK\r\n-WRONGTYPE secret\r\n",
        "+OK\r\n+secret\r\n",
        "+OK\r\n:1\r\n",
        "+OK\r\n$6\r\nsecret\r\n",
        "secret\r\n",
        "HTTP/1.1 400 secret\r\n\r\n",
        "",
    ] {
        let error = store(pretend(answer).await).list_documents().await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(!shown.contains("secret"), "{answer:?}: {shown}");
        assert!(!shown.contains('\r') && !shown.contains('\n'), "{answer:?}: {shown}");
    }
}

#[test]
fn a_catalog_is_sound_or_an_error_at_its_place() {
    let parse = |body: &[u8]| Snapshot::parse(body, &Limits::default());
    let catalog = parse(b"[\n {\"version\": 1.0e0, \"uid\": \"\\u0061\"}]").unwrap();
    assert_eq!(catalog.document("a"), Some(&br#"{"uid":"\u0061","version":1}"#[..]));

    for (body, place, reason) in [
        ("", (1, 1), "the list of documents: unexpected end"),
        ("{}", (1, 1), "the list of documents: expected an array"),
        ("[{\"uid\":\"a\"}\n,{\"uid\":1}]", (2, 2), "document at index 1: field uid: a number"),
        (
            "[{\"uid\":\"a\"},\n {\"uid\":\"b\",\"x\":tru}]",
            (2, 20),
            "the list of documents: unexpected `}`",
        ),
        (
            "[{\"uid\":\"b\"},{\"uid\":\"b\",\"author\":1}]",
            (1, 14),
            "document \"b\": field author: ",
        ),
        (
            "[{\"uid\":\"b\"},{\"uid\":\"c\"},\n\n {\"uid\":\"b\"}]",
            (3, 2),
            "document \"b\": field uid: ",
        ),
        ("[{\"uid\":\"b\"},\n{\"uid\":\"\\u0062\"}]", (2, 1), "document \"b\": field uid: shared"),
    ] {
        let error = parse(body.as_bytes()).unwrap_err();
        let position = error.position.unwrap();
        assert_eq!((position.line, position.column), place, "{body}: {error}");
        assert!(error.malformed.to_string().starts_with(reason), "{body}: {error}");
    }
}

#[test]
fn what_is_malformed_is_not_even_sent() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let path = path.to_str().unwrap();
    let closed = ReservedPort::any();
    let url = format!("redis://:secret@{}/9?key=k", closed.address());
    let load = || run(&["load", path, "--into", &url]);
    for (body, text) in [
        ("[{\"uid\":\"a\"},\n {\"uid\":\"a\"}]", "line 2, column 2: document \"a\": "),
        ("[{\"uid\":\"a\"}", "line 1, column 12: "),
    ] {
        fs::write(path, body).unwrap();
        failed(&load(), 1, &format!("error: {path}, {text}"));
    }
    fs::write(path, "[{\"uid\":\"a\"}]").unwrap();
    failed(&load(), 1, &format!("error: redis at {}: connection refused", closed.address()));
    fs::remove_file(path).unwrap();
    failed(&load(), 1, &format!("error: cannot read {path}: "));
}

#[test]
fn an_error_does_not_show_an_invalid_address() {
    for address in ["redis://:secret@localhost:secret", "redis:secret", "secret://a"] {
        for arguments in [
            &["list", "--store", address][..],
            &["export", "--store", address],
            &["load", "-", "--into", address],
        ] {
            failed(&run(arguments), 2, "error: invalid value for '--");
        }
    }
    failed(&run(&["load", "-", "--into", "demo"]), 2, "error: invalid value for '--into <REDIS>'");
}

#[test]
fn any_store_is_exported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let output = run(&["export", "--store", "demo", "-o", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let demo = include_str!("../../../host/src/stores/demo.json");
    assert_eq!(fs::read_to_string(&path).unwrap(), demo);
    assert_eq!(run(&["export", "--store", "demo"]).stdout, demo.as_bytes());

    let export = |path: &str| run(&["export", "--store", "demo", "-o", path]);
    #[cfg(unix)]
    {
        assert_eq!(export("/dev/null").status.code(), Some(0));
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device(), "as it was");
    }

    let nowhere = export("/dev/null/modules.json");
    failed(&nowhere, 1, "error: cannot write /dev/null/modules.json: ");
    failed(&run(&["export"]), 2, "error: ");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_links() {
    let folder = TempDir::new().unwrap();
    let [path, link] = ["modules.json", "link.json"].map(|name| folder.path().join(name));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink("modules.json", &link).unwrap();
    for command in [["export", "--store", "demo"], ["bake", BODY, "--wasi=0.2"]] {
        for mode in [0o600, 0o640, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let output = run(&[&command[..], &["-o", link.to_str().unwrap()]].concat());
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_ne!(fs::read(&path).unwrap(), b"old");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

/// A body that a server sent.
#[cfg(unix)]
const BODY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../host-tests/cases/bodies/8.x.json");

/// Checks the exit code and the start of the message, and that the password is nowhere in it.
fn failed(output: &Output, code: i32, text: &str) {
    assert_eq!(output.status.code(), Some(code));
    assert_eq!(output.stdout, b"");
    let found = String::from_utf8_lossy(&output.stderr);
    assert!(found.starts_with(text), "{found}");
    assert!(!found.contains("secret"), "{found}");
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ccs-modules"))
        .args(arguments)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("REDISCLI_AUTH")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn store(port: u16) -> Redis {
    Redis::new(format!("redis://:secret@127.0.0.1:{port}").parse().unwrap())
}

/// A false Redis that sends this answer once it has received anything, and then nothing more. What is behind
/// an OK comes with the next command.
async fn pretend(answer: &'static str) -> u16 {
    const OK: &str = "+OK\r\n";
    let answers = answer.strip_prefix(OK).map_or([answer, ""], |rest| [OK, rest]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1024];
                for answer in answers {
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                // Reads until the client ends the connection.
                while stream.read(&mut request).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    port
}
