//! The longest catalog, of documents of a real size.

use std::fmt::Write as _;
use std::fs;

use tempfile::TempDir;

use crate::command::run;
use crate::process;
use crate::server::Server;

/// The default limit of a list.
const MODULES: usize = 100_000;

/// The size of a real document, in bytes.
const DOCUMENT: usize = 900;

#[test]
fn a_catalog_of_100_000_modules_is_loaded_served_and_exported() {
    let server = Server::start();
    let url = server.url();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("modules.json");
    let body = catalog();
    fs::write(&file, &body).unwrap();
    let loaded = run(&["load", file.to_str().unwrap(), "--into", &url]);
    assert!(loaded.starts_with("wrote 100000 modules to "), "{loaded}");

    assert!(run(&["list", "--format", "json", "--store", &url]) == body);
    assert!(run(&["export", "--store", &url]) == body);
    for mode in [&[][..], &["--component"]] {
        // A debug build on a busy machine is slow.
        let times = ["--store-timeout", "5m", "--request-timeout", "5m", "--client-timeout", "5m"];
        let store = ["--store", &url];
        let server = process::Server::start(&[&store[..], mode, &times].concat());
        let (status, list) = server.get("/v1/modules");
        assert_eq!(status, 200, "{mode:?}: {}", String::from_utf8_lossy(&list));
        assert!(list == body.as_bytes(), "{mode:?}");
        assert_eq!(server.get("/v1/modules/99999").0, 200, "{mode:?}");
        assert_eq!(server.get("/readyz").0, 200, "{mode:?}");
    }
}

/// A catalog in the order that an unordered store is listed in: versions of one module, newest first.
fn catalog() -> String {
    let mut body = String::from("[");
    for uid in 0..MODULES {
        let comma = if uid == 0 { "" } else { "," };
        let end = format!(r#"","module_name":"m","uid":"{uid}","version":{}}}"#, MODULES - uid);
        let start = r#"{"capabilities":["types","clustering"],"description":""#;
        let filler = DOCUMENT - start.len() - end.len();
        write!(body, "{comma}{start}{:x<filler$}{end}", "").unwrap();
    }
    body + "]\n"
}
