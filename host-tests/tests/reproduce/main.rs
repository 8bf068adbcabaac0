//! Reproducible builds: the artifacts are the same bytes in another folder, with another home of
//! cargo, built from the files that git tracks.
//!
//! `cargo test` leaves this out, since it builds adapters once more: `cargo test -p ccs-modules-host
//! --test reproduce` runs it. With the environment variable `CCS_MODULES_LONG` it builds every adapter.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

// The build script itself: there is one way to build the artifacts.
#[allow(dead_code, missing_docs, reason = "the part that talks to cargo is not used here")]
#[path = "../../../host/build.rs"]
mod build;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use ccs_modules_host::artifacts;
use tempfile::TempDir;

/// The adapters of the short run: a component without the standard library, and a module with it and
/// with a build script. The others are built in one of these ways.
const SHORT: &[&str] = &["PLUGIN", "HTTP_WASM"];

#[test]
fn another_folder_gives_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let workspace = build::Workspace {
        root: folder.path().join("sources elsewhere"),
        out: folder.path().join("results"),
        cargo: env::var("CARGO").unwrap().into(),
        cargo_home: folder.path().join("home"),
    };
    copy_tracked_files(&workspace.root);
    link_cargo_home(&workspace.cargo_home);
    fs::create_dir(&workspace.out).unwrap();

    let long = env::var_os("CCS_MODULES_LONG").is_some();
    let built = workspace.build_those(|constant| long || SHORT.contains(&constant)).unwrap();
    assert_eq!(built.len(), if long { artifacts::BUILT.len() } else { SHORT.len() });
    for built in built {
        let name = built.path.file_name().unwrap();
        let artifact = artifacts::BUILT.iter().find(|artifact| name == artifact.name).unwrap();
        assert!(fs::read(&built.path).unwrap() == *artifact.wasm, "{} differs", artifact.name);
    }
}

fn copy_tracked_files(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    for name in names.split_terminator('\0') {
        let (from, to) = (root.join(name), to.join(name));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.is_symlink() {
            symlink(fs::read_link(from).unwrap(), to).unwrap();
        } else if from.exists() {
            // A tracked file may be missing: it is about to be removed from the index.
            fs::copy(from, to).unwrap();
        }
    }
}

/// Another path to the same downloads.
fn link_cargo_home(to: &Path) {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| env::home_dir().unwrap().join(".cargo"));
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(home).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
