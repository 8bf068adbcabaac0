//! The command `compose`.

use std::fs;
use std::process::{Command, Output};

use ccs_modules_host::artifacts;
use tempfile::TempDir;

#[test]
fn a_store_is_composed_in_front_of_a_service() {
    let folder = Folder::with_artifacts();
    let composition = &artifacts::COMPOSITIONS[0];
    let output = folder.compose(composition.front.name, composition.store.name);
    assert_eq!(output.status.code(), Some(0));
    let composed = fs::read(folder.0.path().join("composed.wasm")).unwrap();
    assert!(composed == *composition.compose().unwrap().wasm);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with(&format!("composed.wasm: {} bytes\n", composed.len())), "{told}");
}

#[test]
fn parts_that_do_not_fit_are_refused_by_name() {
    let folder = Folder::with_artifacts();
    let (service, store) = (artifacts::WASI_HTTP.name, artifacts::CCS_REDIS.name);
    for (front, back) in [(store, service), (service, service), (service, "missing.wasm")] {
        let output = folder.compose(front, back);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("error: cannot ") && error.contains(back), "{error}");
        let is_mismatch =
            error.contains("the second component exports nothing that the first imports");
        assert_eq!(is_mismatch, back == service, "{error}");
        assert!(!folder.0.path().join("composed.wasm").exists());
    }
}

/// A folder with every artifact that is built from one adapter.
struct Folder(TempDir);

impl Folder {
    fn with_artifacts() -> Self {
        let folder = TempDir::new().unwrap();
        for artifact in artifacts::BUILT {
            fs::write(folder.path().join(artifact.name), &*artifact.wasm).unwrap();
        }
        Self(folder)
    }

    fn compose(&self, front: &str, store: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
        command.current_dir(&self.0).args(["compose", front, store, "-o", "composed.wasm"]);
        command.output().unwrap()
    }
}
