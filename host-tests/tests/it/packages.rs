//! The packages: what is in the crates, and what their manifests say. `.ci/check-release` installs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const CRATES: [&str; 2] = ["ccs-modules", "ccs-modules-host"];

#[test]
fn the_crates_hold_their_sources_and_nothing_else() {
    let common = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];
    let licenses = ["LICENSE-APACHE", "LICENSE-MIT"];
    for (name, folder, more) in [
        (CRATES[0], root(), vec!["docs/core.md", "docs/openapi.json"]),
        (CRATES[1], root().join("host"), vec!["README.md", "build.rs", "build/crates.rs"]),
    ] {
        let mut expected: Vec<_> =
            common.iter().chain(&licenses).map(|&it| it.to_owned()).collect();
        expected.extend(more.into_iter().map(str::to_owned));
        expected.extend(files(&folder, "src"));
        if name == CRATES[1] {
            expected.extend(files(&root(), "wit"));
        }
        expected.sort();
        let list = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        let mut found: Vec<_> = list.lines().map(str::to_owned).collect();
        // The package of a folder in which a release was made has artifacts in it.
        found.retain(|file| !file.starts_with("artifacts/"));
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_manifests_say_what_a_registry_shows() {
    for package in packages() {
        for field in ["description", "documentation", "license", "readme", "rust_version"] {
            assert!(package[field].is_string(), "{}: {field}", package["name"]);
        }
        for field in ["categories", "keywords"] {
            assert_ne!(package[field].as_array().unwrap().len(), 0, "{}: {field}", package["name"]);
        }
        assert_eq!(package["publish"], Value::Null, "{}", package["name"]);
    }
}

#[test]
fn every_package_has_the_same_version() {
    let version = format!("{:?}", env!("CARGO_PKG_VERSION"));
    for package in packages() {
        assert_eq!(package["version"].to_string(), version, "{}", package["name"]);
    }
    for (file, field) in [
        ("Cargo.toml", "ccs-modules = { version = "),
        ("packages/js/package.json", "  \"version\": "),
        ("packages/python/pyproject.toml", "version = "),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        assert!(value.starts_with(&version), "{file}: {value}");
    }
}

/// The metadata of the crates that are published, from cargo.
fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut packages = metadata["packages"].take().as_array().unwrap().clone();
    packages.retain(|package| CRATES.contains(&package["name"].as_str().unwrap()));
    assert_eq!(packages.len(), CRATES.len());
    packages
}

/// The files in a folder of `root`, at every depth.
fn files(root: &Path, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let nested = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        if path.is_dir() { files(root, name) } else { vec![name.to_owned()] }
    };
    entries.flat_map(nested).collect()
}

fn cargo(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
