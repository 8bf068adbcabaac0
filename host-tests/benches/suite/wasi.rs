//! The baked service on `wasmtime serve`, beside a component that does the same with wstd and serde.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ccs_modules::body;
use ccs_modules_benches::catalog;
use ccs_modules_host::artifacts;
use ccs_modules_host::bake::bake;

use crate::context::Context;
use crate::failure::Outcome;
use crate::load::{rates, require_wrk, same_answers};
use crate::process::{Serving, run};
use crate::row::{Aim, Quantity, Row};

/// The name of the runtime that `host-tests/runtimes/install` installs.
const INSTALL: &str = "wasmtime-0.2-baked";
const WASMTIME: &str = "wasmtime-48.0.2/wasmtime_cli/wasmtime";

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    require_wrk()?;
    let wasmtime = wasmtime()?;
    let theirs = context.wstd_service()?;
    let baked = bake(&artifacts::WASI_HTTP_BAKED.wasm, &body::join(&catalog::demo()))?;
    let ours = context.folder().join("baked.wasm");
    fs::write(&ours, &baked.wasm)?;

    let serve = |component: &Path, requests: &str| {
        Serving::start(
            Command::new(&wasmtime)
                .args(["serve", "--addr", "127.0.0.1:0", "-S", "cli"])
                .args(["--max-instance-reuse-count", requests])
                .args(["--env", r#"CCS_ACCESS={"anonymous":["db_viewer"]}"#])
                .arg(component),
        )
    };
    let servers =
        [serve(&ours, "1")?, serve(&theirs, "1")?, serve(&ours, "1000")?, serve(&theirs, "1000")?];
    let (get, list) = (catalog::middle_target(), "/v1/modules".to_owned());
    for target in [&get, &list] {
        same_answers(&servers.each_ref(), target)?;
    }
    let loads: Vec<_> = [&get, &list]
        .iter()
        .flat_map(|target| servers.iter().map(|server| (server, target.as_str())))
        .collect();
    let rates = rates(&loads, context.effort)?;
    let names = [
        ("get, an instance for each request", 1.15),
        ("get, reused instances", 1.5),
        ("list, an instance for each request", 1.15),
        ("list, reused instances", 1.7),
    ];
    let mut rows: Vec<_> = names
        .iter()
        .zip(rates.chunks(2))
        .map(|((name, least), rates)| {
            Row::new("wasmtime serve", *name, rates[0])
                .beside("wstd and serde_json", rates[1])
                .aims(&[Aim::RatioAtLeast(*least)])
        })
        .collect();
    let bytes = Quantity::Bytes(fs::metadata(&theirs)?.len() as f64);
    rows.push(
        Row::new(
            "wasmtime serve",
            "the component, catalog and all",
            Quantity::Bytes(baked.wasm.len() as f64),
        )
        .beside("wstd and serde_json", bytes),
    );
    Ok(rows)
}

/// The command `wasmtime`. It is installed first if it is missing, as in the runtime tests.
fn wasmtime() -> Outcome<PathBuf> {
    let runtimes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtimes");
    run(Command::new(runtimes.join("install")).arg(INSTALL))?;
    let folder = match env::var_os("CCS_MODULES_RUNTIMES") {
        Some(folder) => folder.into(),
        None => env::home_dir().ok_or("no home folder")?.join(".cache/ccs-modules-runtimes"),
    };
    Ok(folder.join(WASMTIME))
}
