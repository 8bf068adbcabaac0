//! The environment of a measurement, without which the numbers mean nothing.

use std::collections::BTreeMap;
use std::fs;
use std::thread;

use crate::context::rustc;
use crate::effort::Effort;
use crate::failure::Outcome;
use crate::load::FLAGS;
use crate::process::output;

/// Names and values.
pub type Facts = BTreeMap<&'static str, String>;

/// The machine, and its load when the suite began.
pub fn machine() -> Outcome<Facts> {
    let model = fs::read_to_string("/proc/cpuinfo")?.lines().find_map(|line| {
        line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.into())
    });
    let read = |path| Outcome::Ok(fs::read_to_string(path)?.trim().to_owned());
    let load = read("/proc/loadavg")?;
    Ok(Facts::from([
        ("cores", thread::available_parallelism()?.to_string()),
        ("cpu", model.unwrap_or_else(|| "unknown".into())),
        ("kernel", read("/proc/sys/kernel/osrelease")?),
        ("load", load.split(' ').next().unwrap_or_default().to_owned()),
    ]))
}

pub fn versions() -> Outcome<Facts> {
    const OURS: &str = include_str!("../../../Cargo.lock");
    const WSTD_SERVICE: &str = include_str!("../wstd-service/Cargo.lock");
    Ok(Facts::from([
        ("axum", locked(OURS, "axum")),
        ("ccs-modules", env!("CARGO_PKG_VERSION").into()),
        ("criterion", locked(OURS, "criterion")),
        ("rustc", output(rustc().arg("--version"))?.trim().into()),
        ("serde_json", locked(OURS, "serde_json")),
        ("wasmtime", locked(OURS, "wasmtime")),
        ("wstd", locked(WSTD_SERVICE, "wstd")),
    ]))
}

/// The flags of the compiler and of the measurement.
pub fn flags() -> Facts {
    let Effort { rounds, turn, load, starts, .. } = Effort::FULL;
    Facts::from([
        ("opt-level", env!("SUITE_OPT_LEVEL").into()),
        ("target features", env!("SUITE_CARGO_CFG_TARGET_FEATURE").into()),
        ("calls", format!("{rounds} rounds of {} ms each, medians", turn.as_millis())),
        ("starts", format!("{starts} of each, medians")),
        ("wrk", format!("{} -d{}, {rounds} rounds, medians", FLAGS.join(" "), load.as_secs())),
    ])
}

/// The version of a package in a lock file.
fn locked(lock: &str, package: &str) -> String {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or("unknown").trim_matches('"').to_owned()
}
