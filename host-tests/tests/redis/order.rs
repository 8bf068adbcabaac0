//! The order of the Redis function that Envoy calls, compared with the order of the core.

use std::path::Path;
use std::process::Command;

use ccs_modules::{Limits, body, sort_documents};
use tempfile::TempDir;

use crate::server::Server;

const FUNCTION: &str = include_str!("../../../adapters/proxy-wasm/envoy/list_modules.lua");

#[test]
fn the_function_lists_in_the_order_of_the_core() {
    let locales = TempDir::new().unwrap();
    compile_locale(locales.path());
    for environment in [
        &[][..],
        // A locale in which `a` sorts before `B`, and `_` is ignored.
        &[("LC_ALL", "en_US.UTF-8"), ("LOCPATH", locales.path().to_str().unwrap())],
    ] {
        let server = Server::start_in(environment);
        server.run_command(&["FUNCTION", "LOAD", FUNCTION]);
        let mut documents = documents();
        for (field, document) in documents.iter().enumerate() {
            server.run_command(&["HSET", "ccs:modules", &field.to_string(), document]);
        }
        let listed = server.run_command(&["FCALL", "list_modules", "1", "ccs:modules"]);
        let listed: String = redis::from_redis_value(listed).unwrap();
        sort_documents(&mut documents, &Limits::default());
        let sorted = String::from_utf8(body::join(&documents)).unwrap();
        // The core ends the array with a line break.
        assert_eq!(listed, sorted.trim_end(), "{environment:?}");
    }
}

/// Documents whose names, versions and uids are hard to sort, in a mixed order.
fn documents() -> Vec<String> {
    let names = [
        "",
        "a",
        "B",
        "b",
        "A",
        "aB",
        "ab",
        "a_b",
        "a-b",
        "a b",
        "é",
        "z",
        "\u{10000}",
        "\u{ffff}",
        "ä",
        "10",
        "9",
        "_",
        "-",
    ];
    let versions = [
        "",
        r#","version":0"#,
        r#","version":9"#,
        r#","version":10.0"#,
        r#","version":4294967295"#,
    ];
    let mut documents = Vec::new();
    for (count, version) in versions.into_iter().enumerate() {
        for name in names {
            let uid = ["x", "X", "x_", "x-1", "é"][(count + name.len()) % 5];
            let number = documents.len();
            documents.push(format!(r#"{{"module_name":"{name}","uid":"{uid}{number}"{version}}}"#));
        }
        documents.push(format!(r#"{{"uid":"{count}"{version}}}"#));
    }
    for uid in ["a", "B", "b", "A", "a_"] {
        documents.push(format!(r#"{{"module_name":"\u0061","uid":"{uid}","version":9}}"#));
    }
    documents
}

/// Compiles a locale that does not compare byte by byte.
fn compile_locale(folder: &Path) {
    let output = Command::new("localedef")
        .args(["-c", "-i", "en_US", "-f", "UTF-8"])
        .arg(folder.join("en_US.UTF-8"))
        .output();
    let output =
        output.unwrap_or_else(|error| panic!("localedef: {error}; apt-get install locales"));
    let compiled = folder.join("en_US.UTF-8/LC_COLLATE").is_file();
    assert!(compiled, "{}apt-get install locales", String::from_utf8_lossy(&output.stderr));
}
