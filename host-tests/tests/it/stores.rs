//! The stores that come with the host.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::stores::{Documents, File, demo};
use ccs_modules_host::{Ccs, CcsError};
use md5::{Digest, Md5};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::request;
use crate::support::serving::plugin;

#[tokio::test]
async fn the_demonstration_catalog_is_a_server_s() {
    let documents = demo().list_documents().await.unwrap();
    assert_eq!(documents.len(), 16);
    let first: Value = serde_json::from_slice(&documents[0]).unwrap();
    for document in &documents {
        let module: Value = serde_json::from_slice(document).unwrap();
        let keys = |module: &Value| module.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&module), keys(&first));
        let name = format!("{}:{}", module["module_name"].as_str().unwrap(), module["version"]);
        let digest = Md5::digest(name).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(module["uid"], digest);
        let version: Vec<u64> = module["semantic_version"]
            .as_str()
            .unwrap()
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        assert_eq!(module["version"], version[0] * 10000 + version[1] * 100 + version[2]);
        assert_eq!(demo().get_document(&digest).await.unwrap().as_ref(), Some(document));
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let store = File::new(&path);

    fs::write(&path, r#"[{"uid":"a"}]"#).unwrap();
    assert_eq!(store.list_documents().await.unwrap(), [br#"{"uid":"a"}"#]);
    fs::write(&path, r#"[{"uid":"a"},{"uid":"b"}]"#).unwrap();
    assert_eq!(store.list_documents().await.unwrap().len(), 2);
    assert_eq!(store.get_document("b").await.unwrap().unwrap(), br#"{"uid":"b"}"#);
    assert_eq!(store.get_document("c").await.unwrap(), None);

    fs::write(&path, "[").unwrap();
    assert!(matches!(store.list_documents().await, Err(CcsError::Other(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.list_documents().await, Err(CcsError::Unavailable(_))));
    fs::write(&path, "[]\n").unwrap();
    assert_eq!(store.list_documents().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_file_of_the_same_length_and_time_is_another_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let write = |path: &Path, text: &str| {
        fs::write(path, text).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    };
    let store = File::new(&path);
    write(&path, r#"[{"uid":"a"}]"#);
    assert_eq!(store.list_documents().await.unwrap(), [br#"{"uid":"a"}"#]);

    // `cp -p` and `rsync -t` replace a file in this way.
    let new = folder.path().join("new.json");
    write(&new, r#"[{"uid":"b"}]"#);
    fs::rename(&new, &path).unwrap();
    assert_eq!(store.list_documents().await.unwrap(), [br#"{"uid":"b"}"#]);

    // The file is written in place, before the clock of the file system has moved.
    for uid in ["c", "d", "e", "f"] {
        let document = format!(r#"{{"uid":"{uid}"}}"#);
        write(&path, &format!("[{document}]"));
        assert_eq!(store.list_documents().await.unwrap(), [document.as_bytes()]);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_is_not_parsed_where_calls_are_answered() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    // The text is valid until its last byte, and so long that its parsing takes most of the time.
    let ones = vec!["1"; 400].join(",");
    let document = |uid| format!(r#"{{"n":[{ones}],"uid":"{uid}"}}"#);
    let documents: Vec<_> = (0..20_000).map(document).collect();
    let body = format!("[{}", documents.join(","));
    fs::write(&path, &body).unwrap();
    let store = File::new(&path);

    let before = processor_time();
    Documents::parse(body.as_bytes()).unwrap_err();
    let parsing = processor_time() - before;
    for _ in 0..3 {
        let before = processor_time();
        store.list_documents().await.unwrap_err();
        let answering = processor_time() - before;
        assert!(answering < parsing / 4, "{answering:?}, and parsing takes {parsing:?}");
    }
}

/// The processor time of this thread.
#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn an_error_in_a_file_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let at = |place: &str| format!("{}, {place}", path.display());
    for (text, place) in [
        ("", "line 1, column 1: "),
        ("{}", "line 1, column 1: "),
        ("[\n  {\"uid\": \"a\"}\n  {\"uid\": \"b\"}\n]\n", "line 3, column 3: "),
        ("[\n  {\"uid\": tru}\n]\n", "line 2, column 14: "),
        ("[{\"uid\":\"a\"}]\n[]", "line 2, column 1: "),
    ] {
        fs::write(&path, text).unwrap();
        let Err(CcsError::Other(found)) = File::new(&path).list_documents().await else {
            panic!("{text:?} is no list");
        };
        assert!(found.starts_with(&at(place)), "{text:?}: {found}");
    }
}

#[tokio::test]
async fn a_file_longer_than_agreed_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let body = r#"[{"uid":"1"}]"#;
    fs::write(&path, body).unwrap();
    let store = |bytes| File::new(&path).at_most(bytes);
    assert_eq!(store(body.len()).list_documents().await.unwrap().len(), 1);
    let text = format!("{} is longer than 12 bytes", path.display());
    assert_eq!(store(body.len() - 1).list_documents().await, Err(CcsError::TooLong(text)));
}

#[tokio::test]
async fn what_can_be_loaded_is_what_can_be_served() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let service = plugin().service(File::new(&path));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let long = |bytes: usize| "x".repeat(bytes);
    for (body, sound) in [
        ("[]".into(), true),
        ("[ ]\r\n".into(), true),
        ("[{}]".into(), false),
        ("\u{feff}[]".into(), false),
        ("[] []".into(), false),
        (r#"[{"uid":""}]"#.into(), false),
        (r#"[{"uid":"a","uid":"a"}]"#.into(), false),
        (r#"[{"uid":"a"},{"uid":"\u0061"}]"#.into(), false),
        (r#"[{"uid":"a","x":"\ud800"}]"#.into(), false),
        (r#"[{"uid":"a","version":1e400}]"#.into(), false),
        (format!(r#"[{{"uid":"{}"}}]"#, long(1024)), true),
        (format!(r#"[{{"uid":"{}"}}]"#, long(1025)), false),
        (format!(r#"[{{"uid":"a","x":{}}}]"#, nested(15)), true),
        (format!(r#"[{{"uid":"a","x":{}}}]"#, nested(16)), false),
        (format!(r#"[{{"uid":"a","x":"{}"}}]"#, long((1 << 20) - 18)), true),
        (format!(r#"[{{"uid":"a","x":"{}"}}]"#, long((1 << 20) - 17)), false),
        // Blanks count, although they are not kept.
        (format!(r#"[{{{}"uid":"a"}}]"#, " ".repeat(1 << 20)), false),
        (many(100_000), true),
        (many(100_001), false),
    ] {
        let shown: String = body.chars().take(60).collect();
        fs::write(&path, &body).unwrap();
        assert_eq!(
            Snapshot::parse(body.as_bytes(), &Limits::default()).is_ok(),
            sound,
            "load: {shown}"
        );
        let response = service.handle(&request::list()).await.unwrap();
        assert_eq!(response.status == 200, sound, "serve: {shown}");
    }
}

/// A list of this many small documents.
fn many(documents: usize) -> String {
    let documents: Vec<_> = (0..documents).map(|n| format!(r#"{{"uid":"{n}"}}"#)).collect();
    format!("[{}]", documents.join(","))
}
