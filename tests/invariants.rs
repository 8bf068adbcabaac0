//! The invariants of ARCHITECTURE.md that can be checked by reading the sources.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_core_names_no_host_and_keeps_nothing() {
    const HOSTS: &str = "cloudflare envoy hyper proxy_wasm redis:: tokio wasi wasmtime wit_";
    const STATE: &str =
        "Atomic Cell< Instant Mutex OnceCell OnceLock sync::Once SystemTime getrandom thread";
    assert!(sources().len() > 9, "{:?}", sources());
    for path in sources() {
        for (line, code) in shipped_code(&path) {
            for word in HOSTS.split(' ').chain(STATE.split(' ')) {
                assert!(!code.contains(word), "{word} in {}:{line}: {code}", path.display());
            }
            let declared = code.trim_start_matches("pub ");
            assert!(!declared.starts_with("static "), "{}:{line}: {code}", path.display());
        }
    }
}

#[test]
fn only_the_host_knows_wasmtime() {
    assert!(manifests().len() > 7, "{:?}", manifests());
    for manifest in manifests() {
        let text = fs::read_to_string(&manifest).unwrap();
        // A line of a profile says how wasmtime is compiled, not that it is used.
        let dependency = |line: &&str| line.starts_with("wasmtime") && !line.contains("opt-level");
        assert_eq!(text.lines().find(dependency), None, "{}", manifest.display());
    }
}

#[test]
fn only_the_core_and_the_filter_of_envoy_know_head() {
    for folder in ["adapters", "host/src"] {
        for path in files(&root().join(folder)) {
            // Envoy removes the body of a response to HEAD itself. The others name methods, or serve what is
            // not the API's.
            let may = [
                "proxy-wasm/src/request.rs",
                "guest/src/method.rs",
                "server/content.rs",
                "server/request_span.rs",
            ];
            if path.extension() != Some("rs".as_ref()) || may.iter().any(|it| path.ends_with(it)) {
                continue;
            }
            for (line, code) in shipped_code(&path) {
                let is_head = code.contains("\"HEAD\"") || code.contains("Method::HEAD");
                assert!(!is_head, "{}:{line}: {code}", path.display());
            }
        }
    }
}

#[test]
fn public_enums_that_will_grow_are_non_exhaustive() {
    // These are complete: a caller has to look at every case.
    const COMPLETE: &str =
        "Access Ask Caller FittingRule Freshness Login Methods Next Poll Question Scheme Step Turn";
    let mut seen = 0;
    for path in sources() {
        let mut attributes = String::new();
        for (line, code) in shipped_code(&path) {
            if code.starts_with("#[") {
                attributes += &code;
                continue;
            }
            if let Some(declared) = code.strip_prefix("pub enum ") {
                seen += 1;
                let name = declared.split([' ', '<']).next().unwrap();
                let is_complete = COMPLETE.split(' ').any(|it| it == name);
                let is_open = attributes.contains("non_exhaustive");
                assert!(is_open != is_complete, "{name} at {}:{line}", path.display());
            }
            attributes.clear();
        }
    }
    assert!(seen > 9, "{seen}");
}

#[test]
fn a_mirror_cannot_be_cloned() {
    // Two clones would give the same number to different fetches.
    let code = shipped_code(&root().join("src/mirror/fetches.rs"));
    let declared = code.iter().position(|(_, code)| code == "pub struct Mirror {").unwrap();
    assert_eq!(code[declared - 1].1, "#[derive(Debug)]");
    for path in sources() {
        for (line, code) in shipped_code(&path) {
            assert!(!code.contains("Clone for Mirror"), "{}:{line}: {code}", path.display());
        }
    }
}

#[test]
fn the_text_of_serde_s_messages_is_not_read() {
    // The text may change with each version, and may show what has to be hidden.
    const TEXTS: &str = "at line|missing field|unknown field|invalid type|invalid value";
    const READERS: &str = "contains(|find(|split|strip_|starts_with(|ends_with(|trim_";
    let hosts = ["adapters", "host/src"].into_iter().flat_map(|folder| files(&root().join(folder)));
    for path in sources().into_iter().chain(hosts) {
        if path.extension() != Some("rs".as_ref()) || path.ends_with("tests.rs") {
            continue;
        }
        for (line, code) in shipped_code(&path) {
            let has = |words: &str| words.split('|').any(|word| code.contains(word));
            let is_read = has(TEXTS) && has(READERS);
            assert!(!is_read, "{}:{line}: {code}", path.display());
        }
    }
}

#[test]
fn a_line_of_the_log_has_its_reason_under_one_key() {
    for path in files(&root().join("host/src")) {
        if path.extension() != Some("rs".as_ref()) {
            continue;
        }
        let code: Vec<_> = shipped_code(&path).into_iter().map(|(_, line)| line).collect();
        let code = code.join(" ");
        for call in code.split("tracing::").skip(1) {
            let fields = call.split_once("!(").and_then(|(_, rest)| rest.split_once(')'));
            for field in fields.map_or("", |(fields, _)| fields).split(',') {
                let key = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
                let is_other = ["cause", "error", "why"].contains(&key);
                assert!(!is_other, "{key} in {}: {call:.80}", path.display());
            }
        }
    }
}

/// The lines of a file that are neither comments nor in a module of tests, counted from 1.
fn shipped_code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let mut code = Vec::new();
    let mut lines = (1..).zip(text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        let next = lines.peek().map_or("", |(_, next)| *next);
        if line.starts_with("#[cfg(test)]") && next.starts_with("mod ") && next.ends_with('{') {
            // The module ends with a brace in the first column.
            let _ = lines.by_ref().find(|(_, line)| *line == "}");
        } else if !line.trim_start().starts_with("//") {
            code.push((number, line.trim().to_owned()));
        }
    }
    code
}

/// The sources of the core, without files of tests.
fn sources() -> Vec<PathBuf> {
    let files = files(&root().join("src"));
    files.into_iter().filter(|path| !path.ends_with("tests.rs")).collect()
}

/// The manifests of the core and of the adapters.
fn manifests() -> Vec<PathBuf> {
    let adapters = fs::read_dir(root().join("adapters")).unwrap().map(|it| it.unwrap().path());
    let folders = [root().to_owned()].into_iter().chain(adapters);
    let manifests = folders.map(|folder| folder.join("Cargo.toml"));
    manifests.filter(|manifest| manifest.is_file()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(nested).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
