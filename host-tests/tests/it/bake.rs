//! Catalogs baked into artifacts.

use std::fs;
use std::process::Command;

use ccs_modules_host::artifacts::{self, Artifact};
use ccs_modules_host::bake::bake;
use ccs_modules_host::{CallLimits, Caller, Host, Request, stores};
use tempfile::TempDir;

const DEMO: &str = include_str!("../../../host/src/stores/demo.json");

/// Any artifact that imports the store can be baked into: here the plugin, which then needs nothing.
#[tokio::test]
async fn what_is_baked_is_served() {
    let baked = bake(&artifacts::PLUGIN.wasm, DEMO.as_bytes()).unwrap();
    assert_eq!(baked.modules.len(), 16);
    let wasm = baked.wasm.clone().into();
    assert_eq!(Artifact { wasm, ..artifacts::PLUGIN.clone() }.imports().unwrap(), [""; 0]);

    // The store of the host is never asked.
    let host = Host::load(&baked.wasm, CallLimits::default()).unwrap();
    let service = host.service(stores::Snapshot::default());
    assert_eq!(service.list_modules(&["admin"]).await.unwrap().len(), 16);
    for (target, status) in [("/v1/modules", 200), ("/v1/modules/none", 404)] {
        let caller = Caller::Authenticated(vec!["admin".into()]);
        let (method, target) = ("GET".into(), target.into());
        let request = Request { method, target, headers: Vec::new(), caller };
        let response = service.handle(&request).await.unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.body == DEMO.as_bytes(), status == 200);
    }
}

#[test]
fn the_same_catalog_gives_the_same_bytes() {
    let spaced = DEMO.replace(",\"", ", \"");
    let bake = |body: &str| bake(&artifacts::WASI_HTTP.wasm, body.as_bytes()).unwrap().wasm;
    assert!(bake(DEMO) == bake(DEMO));
    assert!(bake(DEMO) == bake(&spaced), "stored in another form, baked in the canonical one");
}

#[test]
fn a_service_with_a_catalog_imports_no_store() {
    for (service, handler) in [
        (&artifacts::WASI_HTTP, "wasi:http/types@0.2.12"),
        (&artifacts::WASI_HTTP_P3, "wasi:http/types@0.3.0"),
    ] {
        let wasm = bake(&service.wasm, b"[]").unwrap().wasm.into();
        let imports = Artifact { wasm, ..(*service).clone() }.imports().unwrap();
        let mut expected = service.imports().unwrap();
        expected.retain(|import| import != "ccs:modules/ccs@0.1.0");
        assert_eq!(imports, expected);
        assert!(imports.iter().any(|import| import == handler));
    }
}

#[test]
fn what_is_malformed_is_not_baked() {
    for (body, error) in [
        ("", "line 1, column 1: "),
        ("{}", "line 1, column 1: "),
        ("[{\"uid\":\"a\"},\n {\"uid\":\"b\"} x]", "line 2, column 14: "),
        ("[{\"uid\":\"a\"},{\"uid\":1}]", "document at index 1: field uid: "),
        ("[{\"uid\":\"a\"},{\"uid\":\"a\"}]", "document \"a\": field uid: "),
    ] {
        let found = bake(&artifacts::WASI_HTTP.wasm, body.as_bytes()).unwrap_err().to_string();
        assert!(found.starts_with(error), "{body}: {found}");
    }
}

#[test]
fn a_component_that_imports_no_store_is_not_baked_into() {
    for wasm in [&*artifacts::CCS_KEYVALUE.wasm, b"no component"] {
        let found = bake(wasm, b"[]").unwrap_err().to_string();
        assert!(found.starts_with("cannot compose: "), "{found}");
    }
}

#[test]
fn the_command_tells_what_it_baked() {
    let folder = TempDir::new().unwrap();
    let catalog = folder.path().join("modules.json");
    let service = folder.path().join("service.wasm");
    let bake = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
        command.arg("bake").arg(&catalog).arg("-o").arg(&service).output().unwrap()
    };

    let output = bake();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: cannot read "), "{error}");

    fs::write(&catalog, "[").unwrap();
    assert_eq!(bake().status.code(), Some(1));
    assert!(!service.exists(), "nothing is written where the catalog is malformed");

    fs::write(&catalog, DEMO).unwrap();
    let output = bake();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let size = fs::metadata(&service).unwrap().len();
    assert!(text.starts_with(&format!("{}: {size} bytes\n", service.display())), "{text}");
    assert!(text.contains("  b14385b09778a335835ee3ae380bbc77  bf 8.0.1\n"), "{text}");
    assert!(text.ends_with("  16 modules\n"), "{text}");
}
