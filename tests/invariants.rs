//! The invariants of ARCHITECTURE.md that reading the sources can hold.

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

/// The lines of a file that are neither comments nor tests, counted from 1.
fn shipped_code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let numbered = (1..).zip(lines.map(|line| line.trim().to_owned()));
    numbered.filter(|(_, line)| !line.starts_with("//")).collect()
}

/// The sources of the core.
fn sources() -> Vec<PathBuf> {
    files(&root().join("src"))
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
