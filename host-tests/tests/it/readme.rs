//! The tables of the documentation: they contain the report of the build and of the benchmark.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use ccs_modules::Limits;
use ccs_modules::upstream::{Node, Upstream};
use ccs_modules_host::CallLimits;
use ccs_modules_host::artifacts::{self, Artifact};
use ccs_modules_host::server::ConnectionLimits;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn every_link_of_the_documentation_leads_to_a_file() {
    let mut pages = Vec::new();
    find_pages(&root(), &mut pages);
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().unwrap();
            let is_local = !target.is_empty() && !target.contains(':');
            let path = page.parent().unwrap().join(target);
            assert!(!is_local || path.exists(), "{}: {target}", page.display());
        }
    }
}

/// Finds the Markdown files of a folder, at any depth, but not what was built or installed.
fn find_pages(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_foreign = ["target", "node_modules", "dist", "artifacts"].contains(&name);
        if path.is_dir() && !is_foreign && !name.starts_with('.') {
            find_pages(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// Needs `systemd-analyze`, and checks nothing where it is missing.
#[test]
fn the_unit_is_one_that_systemd_takes() {
    let page = fs::read_to_string(root().join("docs/server.md")).unwrap();
    let (_, unit) = page.split_once("```ini\n").unwrap();
    let (unit, _) = unit.split_once("```").unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ccs-modules.service");
    let command = env!("CARGO_BIN_EXE_ccs-modules");
    fs::write(&path, unit.replace("/usr/local/bin/ccs-modules", command)).unwrap();

    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else {
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let own: Vec<_> = said.lines().filter(|line| line.contains("ccs-modules")).collect();
    assert!(verified.status.success() && own.is_empty(), "{said}");
}

/// As `MemoryDenyWriteExecute` of the unit does. Needs Linux 6.3 or later, and checks nothing before.
#[cfg(target_os = "linux")]
#[test]
fn serve_starts_where_memory_that_was_written_cannot_be_run() {
    const DENY: &str = "import ctypes, os, sys\n\
        if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit(77)\n\
        os.execv(sys.argv[1], sys.argv[1:])";
    let folder = TempDir::new().unwrap();
    let start = |mode: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-c", DENY, env!("CARGO_BIN_EXE_ccs-modules"), "serve"]).args(mode);
        command.args(["--listen", "127.0.0.1:0", "--log", "off"]);
        command.env("XDG_CACHE_HOME", folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        (line.starts_with("serving "), child.wait().unwrap().code())
    };

    let (serves, code) = start(&[]);
    assert!(serves || code == Some(77), "{code:?}");
    assert!(!start(&["--component"]).0);
}

#[test]
fn the_page_of_artifacts_shows_every_one() {
    let mut table =
        String::from("| Artifact | What it is | Imports | Size |\n|---|---|---|---:|\n");
    for artifact in artifacts::all().unwrap() {
        let (name, about) = (artifact.name, artifact.about);
        let (imports, kilobytes) = (packages(&artifact), artifact.wasm.len().div_ceil(1000));
        writeln!(table, "| `{name}` | {about} | {imports} | {kilobytes} kB |").unwrap();
    }
    section_is("docs/artifacts.md", "artifacts", &table);
}

#[test]
fn the_page_of_measurements_shows_the_last_run_of_the_benchmark() {
    let results = root().join("host-tests/benches/results/latest.json");
    let results: Value = serde_json::from_str(&fs::read_to_string(results).unwrap()).unwrap();
    let (cpu, cores) = (&results["machine"]["cpu"], &results["machine"]["cores"]);
    let (wasmtime, calls) = (&results["versions"]["wasmtime"], &results["flags"]["calls"]);
    let (optimised, wrk) = (&results["flags"]["opt-level"], &results["flags"]["wrk"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut table = format!(
        "{} ({} cores), wasmtime {}, opt-level {}; calls: {}; servers: `wrk {}`.\n\n",
        text(cpu),
        text(cores),
        text(wasmtime),
        text(optimised),
        text(calls),
        text(wrk),
    );
    table += "| What | Here | Twin | | Ratio | Bar |\n|---|---:|---|---:|---:|---|\n";
    for row in results["rows"].as_array().unwrap() {
        let section = row["section"].as_str().unwrap();
        if !["call", "cold", "serve", "wasmtime serve", "build"].contains(&section)
            || row["twin"].is_null()
        {
            continue;
        }
        let (name, twin) = (text(&row["name"]), text(&row["twin"]["name"]));
        let (here, there) = (quantity(&row["ours"]), quantity(&row["twin"]["value"]));
        let ratio = row["ratio"].as_f64().unwrap();
        let bars = row["bars"].as_array().unwrap().iter().map(|bar| {
            let met = if bar["met"] == true { "met" } else { "missed" };
            format!("{}: {met}", text(&bar["aim"]))
        });
        let bars = bars.collect::<Vec<_>>().join("; ");
        writeln!(table, "| {section}: {name} | {here} | {twin} | {there} | {ratio:.2} | {bars} |")
            .unwrap();
    }
    section_is("docs/measurements.md", "measured", &table);
}

#[test]
fn the_page_of_measurements_shows_the_simulated_fleet() {
    let fleets = root().join("host-tests/benches/results/fleet.json");
    let fleets: Value = serde_json::from_str(&fs::read_to_string(fleets).unwrap()).unwrap();
    let mut table = String::from(
        "| 10,000 mirrors | steady | outage | recovery | its peak | oldest answer | again after |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for fleet in fleets.as_array().unwrap() {
        let name = match fleet["relays"].as_u64().unwrap() {
            0 => "each asks the cluster".to_owned(),
            relays => format!("each asks one of {relays} mirrors that do"),
        };
        let rate = |field: &str| format!("{:.2}/s", fleet[field].as_f64().unwrap());
        writeln!(
            table,
            "| {name} | {} | {} | {} | {}/s | {} s | {} s |",
            rate("steady"),
            rate("outage"),
            rate("recovery"),
            fleet["recovery_peak"],
            fleet["oldest"],
            fleet["recovered"],
        )
        .unwrap();
    }
    section_is("docs/measurements.md", "fleet", &table);
}

#[test]
fn the_pages_show_the_limits_that_hold() {
    let (core, call) = (Limits::default(), CallLimits::default());
    let connection = ConnectionLimits::default();
    let upstream = Upstream::new(vec![Node::parse("https://node1:9443").unwrap()]).unwrap();
    let body_bytes = upstream.list(0, None).unwrap().body_bytes;
    let document = format!("{}, nested {} deep", bytes(core.document_bytes), core.depth);
    let time = |time: Duration| format!("{} s", time.as_secs());
    let mut table = String::from("| What | Default | Option of `serve` |\n|---|---|---|\n");
    for (what, default, option) in [
        ("a document", document, ""),
        ("a list", format!("{} documents", grouped(core.documents)), ""),
        ("a uid", bytes(core.uid_bytes), ""),
        ("a request target", bytes(core.target_bytes), ""),
        ("the header fields of a request", bytes(connection.header_bytes), "max-header-bytes"),
        ("an answer of the store, a file for example", bytes(call.store_bytes), "max-store-bytes"),
        ("an answer of an upstream (Envoy filter)", bytes(body_bytes), ""),
        ("the time of the store", time(call.store_timeout), "store-timeout"),
        ("the time of a request", time(connection.request_timeout), "request-timeout"),
        ("the time of a client", time(connection.client_timeout), "client-timeout"),
        ("connections", grouped(connection.connections), "max-connections"),
        ("what is in flight", bytes(connection.in_flight_bytes), "max-in-flight-bytes"),
        ("the memory of an instance", bytes(call.memory), "max-instance-memory"),
        ("instances", call.instances.to_string(), "max-instances"),
    ] {
        let option = if option.is_empty() { " ".into() } else { format!(" `--{option}` ") };
        writeln!(table, "| {what} | {default} |{option}|").unwrap();
    }
    section_is("docs/api.md", "limits", &table);

    let each = ConnectionLimits::CONNECTION_BYTES;
    let mut table = String::from("| What | Most, by default |\n|---|---|\n");
    for (what, most) in [
        ("the store's answer: `--max-store-bytes`", bytes(call.store_bytes)),
        ("what is in flight: `--max-in-flight-bytes`", bytes(connection.in_flight_bytes)),
        (
            "connections: `--max-connections`",
            format!("{} of {}", grouped(connection.connections), bytes(each)),
        ),
        (
            "with `--component`, instances: `--max-instances`, `--max-instance-memory`",
            format!("{} of {}", call.instances, bytes(call.memory)),
        ),
    ] {
        writeln!(table, "| {what} | {most} |").unwrap();
    }
    section_is("SECURITY.md", "memory", &table);
}

/// A number of bytes in the largest unit that has a whole number of them.
fn bytes(number: usize) -> String {
    match number.trailing_zeros() {
        30.. => format!("{} GiB", number >> 30),
        20.. => format!("{} MiB", number >> 20),
        _ => format!("{} KiB", number >> 10),
    }
}

/// Checks that the section with this name contains `expected`. With `UPDATE_EXPECT=1` it writes the
/// section instead.
fn section_is(page: &str, name: &str, expected: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let start = format!("<!-- {name}: UPDATE_EXPECT=1 cargo test readme -->\n");
    let (before, after) = text.split_once(&start).unwrap();
    let (found, after) = after.split_once("<!-- end -->").unwrap();
    if found == expected {
        return;
    }
    let update = env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    assert!(update, "{page}, {name}: found\n{found}\nexpected\n{expected}");
    fs::write(path, format!("{before}{start}{expected}<!-- end -->{after}")).unwrap();
}

/// The packages of an artifact's imports, each once.
fn packages(artifact: &Artifact) -> String {
    let mut packages = Vec::new();
    for import in artifact.imports().unwrap() {
        let package = match import.split_once('/') {
            Some((package, interface)) => {
                let version = interface.split_once('@').map_or("", |(_, version)| version);
                format!("`{package}@{version}`")
            }
            None => match import.split_once('.') {
                Some(("env", _)) => "the Proxy-Wasm ABI".into(),
                Some(("http_handler", _)) => "the http-wasm ABI".into(),
                Some(("wasi_snapshot_preview1", _)) => "WASI preview 1".into(),
                _ => import,
            },
        };
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    if packages.is_empty() { "none".into() } else { packages.join(", ") }
}

fn quantity(value: &Value) -> String {
    let number = value["value"].as_f64().unwrap();
    match value["unit"].as_str().unwrap() {
        "seconds" if number < 1e-3 => format!("{:.1} µs", number * 1e6),
        "seconds" if number < 10.0 => format!("{:.1} ms", number * 1e3),
        "seconds" => format!("{number:.0} s"),
        "per_second" => format!("{}/s", grouped(number.round() as usize)),
        "bytes" => grouped(number as usize),
        _ => format!("{number:.2}"),
    }
}

/// Writes a number with a comma before every third digit.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(|group| str::from_utf8(group).unwrap());
    let parts: Vec<_> =
        Some(head).filter(|head| !head.is_empty()).into_iter().chain(groups).collect();
    parts.join(",")
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
