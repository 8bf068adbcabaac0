//! Time and memory by the length of the catalog.

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
use ccs_modules::{Limits, list_modules};
use ccs_modules_benches::catalog;
use ccs_modules_benches::meter::Meter;
use ccs_modules_host::stores::Documents;
use ccs_modules_host::{CallLimits, Plugin, Service, Standalone, artifacts};
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};

use crate::calls::{ROLES, kept, kept_side, repeat, request, structs_list};
use crate::context::Context;
use crate::effort::Effort;
use crate::failure::{Failure, Outcome};
use crate::process::output;
use crate::row::{Aim, Quantity, Row};
use crate::timing::Clock;

const SECTION: &str = "growth";

/// The comparison of lookups.
const LOOKUPS: &str = "lookups";

/// One length of the catalog, and the cost of listing it.
#[derive(Serialize)]
pub struct Point {
    pub modules: usize,
    /// The time of a list in a warm instance.
    pub seconds: f64,
    /// The time of a list with serde structs, natively.
    pub twin_seconds: f64,
    /// The time of a list from a kept snapshot.
    pub kept_list: f64,
    /// The time of one module from a kept snapshot.
    pub kept_get: f64,
    pub memory: Memory,
    /// The memory that a native process with serde structs adds while it lists.
    pub twin_resident: f64,
}

/// The memory of one list, in bytes.
#[derive(Deserialize, Serialize)]
pub struct Memory {
    pub answer: f64,
    /// The guest's linear memory.
    pub guest: f64,
    /// The memory that the process adds while it lists, with the guest's memory and the store's
    /// documents.
    pub resident: f64,
}

/// The lengths of the measured catalogs.
pub fn lengths(effort: Effort) -> impl Iterator<Item = usize> {
    (1..).map(|power| 10_usize.pow(power)).take_while(move |length| *length <= effort.modules)
}

/// Measures the times. It runs in its own process.
pub fn measure(clock: &mut Clock, effort: Effort) -> Outcome<()> {
    let runtime = runtime()?;
    let plugin = plugin()?;
    let standalone = Standalone::load(&artifacts::STANDALONE.wasm, call_limits())?;
    for length in lengths(effort) {
        let documents = catalog::of(length);
        let mut instance = plugin.service(Documents::from(documents.clone())).instance();
        let list = request("/v1/modules".into());
        clock.compare(
            &length.to_string(),
            vec![
                (
                    "warm",
                    Box::new(|b| {
                        repeat(b, &runtime, async || {
                            black_box(instance.handle(&list).await.unwrap());
                        });
                    }),
                ),
                ("structs", Box::new(|b| b.iter(|| structs_list(black_box(&documents))))),
            ],
        );
        let mut snapshot = kept(&runtime, &standalone, &documents)?;
        clock.compare(&format!("list-{length}"), vec![kept_side(&mut snapshot, &list)]);
        let get = request(format!("/v1/modules/{}", catalog::uid(catalog::middle(&documents))));
        clock.compare(&format!("get-{length}"), vec![kept_side(&mut snapshot, &get)]);
    }
    measure_lookups(clock, effort)
}

/// Measures the lookups of the longest catalog, natively, beside its list.
fn measure_lookups(clock: &mut Clock, effort: Effort) -> Outcome<()> {
    let limits = Limits::default();
    let catalog = ccs_modules::Snapshot::from_documents(&catalog::of(effort.modules), &limits)?;
    let redis_version = "7.4";
    clock.compare(
        LOOKUPS,
        vec![
            (
                "list",
                Box::new(|b| {
                    b.iter(|| black_box(catalog.answer(list_modules(&ROLES, &limits))).unwrap())
                }),
            ),
            (
                "find",
                Box::new(|b| {
                    let find =
                        || catalog.answer(find_modules(&ROLES, "search", Some("2.10"), &limits));
                    b.iter(|| black_box(find()).unwrap());
                }),
            ),
            (
                "latest",
                Box::new(|b| {
                    b.iter(|| black_box(catalog.answer(latest_modules(&ROLES, &limits))).unwrap())
                }),
            ),
            (
                "fitting",
                Box::new(|b| {
                    let fitting =
                        || catalog.answer(fitting_modules(&ROLES, redis_version, &limits));
                    b.iter(|| black_box(fitting()).unwrap());
                }),
            ),
        ],
    );
    Ok(())
}

/// Measures the memory of one list, in its own process, and prints it.
pub fn measure_memory(modules: usize, side: &str) -> Outcome<()> {
    let documents = catalog::of(modules);
    let memory = if side == "structs" {
        let (answer, resident) = resident(|| structs_list(&documents))?;
        Memory { answer: answer.len() as f64, guest: 0.0, resident }
    } else {
        let runtime = runtime()?;
        let service = plugin()?.service(Documents::from(documents.clone()));
        let (answer, resident) = resident(|| list(&runtime, &service))?;
        let metered = Meter::new()?.get("/v1/modules", documents)?;
        Memory { answer: answer.len() as f64, guest: metered.memory as f64, resident }
    };
    println!("{}", serde_json::to_string(&memory)?);
    Ok(())
}

/// The points, and the rows made of them.
pub fn rows(context: &Context) -> Outcome<(Vec<Row>, Vec<Point>)> {
    let estimates = context.estimates(SECTION)?;
    let mut points = Vec::new();
    for modules in lengths(context.effort) {
        let length = modules.to_string();
        let memory = |side| -> Outcome<Memory> {
            Ok(serde_json::from_str(&output(&mut context.role(&["memory", &length, side]))?)?)
        };
        points.push(Point {
            modules,
            seconds: estimates.time(&length, "warm")?.value(),
            twin_seconds: estimates.time(&length, "structs")?.value(),
            kept_list: estimates.time(&format!("list-{length}"), "kept")?.value(),
            kept_get: estimates.time(&format!("get-{length}"), "kept")?.value(),
            memory: memory("host")?,
            twin_resident: memory("structs")?.resident,
        });
    }
    let mut rows = rows_of(&points);
    let list = estimates.time(LOOKUPS, "list")?;
    for lookup in ["find", "latest", "fitting"] {
        let name = format!("{lookup}-modules of {}, native", context.effort.modules);
        let row = Row::new(SECTION, name, estimates.time(LOOKUPS, lookup)?);
        rows.push(row.beside("list-modules of the same", list).aims(&[Aim::RatioAtMost(1.5)]));
    }
    Ok((rows, points))
}

fn rows_of(points: &[Point]) -> Vec<Row> {
    let mut rows = Vec::new();
    for point in points {
        let (modules, answer) = (point.modules, point.memory.answer);
        let per_module = |seconds: f64| Quantity::Seconds(seconds / modules as f64);
        rows.push(
            Row::new(SECTION, format!("list of {modules}, per module"), per_module(point.seconds))
                .beside("serde structs", per_module(point.twin_seconds)),
        );
        rows.push(
            Row::new(
                SECTION,
                format!("list of {modules}, guest memory"),
                Quantity::Bytes(point.memory.guest),
            )
            .beside("the answer", Quantity::Bytes(answer))
            .aims(&[Aim::AtMost(Quantity::Bytes(2.5 * answer + f64::from(1 << 20)))]),
        );
        rows.push(
            Row::new(
                SECTION,
                format!("list of {modules}, host memory"),
                Quantity::Bytes(point.memory.resident),
            )
            .beside("serde structs", Quantity::Bytes(point.twin_resident)),
        );
    }
    for point in points {
        let per_byte = point.kept_list / point.memory.answer;
        rows.push(Row::new(
            SECTION,
            format!("list of {}, kept snapshot, per 1,000 bytes", point.modules),
            Quantity::Seconds(per_byte * 1e3),
        ));
        rows.push(Row::new(
            SECTION,
            format!("get of {}, kept snapshot", point.modules),
            Quantity::Seconds(point.kept_get),
        ));
    }
    let flatness = |name: &str, seconds: fn(&Point) -> f64| {
        let all = || points.iter().map(seconds);
        let times = all().fold(0.0, f64::max) / all().fold(f64::MAX, f64::min);
        Row::new(SECTION, name, Quantity::Times(times)).aims(&[Aim::AtMost(Quantity::Times(1.3))])
    };
    rows.push(flatness("dearest length over cheapest, kept list, per byte", |point| {
        point.kept_list / point.memory.answer
    }));
    rows.push(flatness("dearest length over cheapest, kept get", |point| point.kept_get));
    let steepness = |seconds: fn(&Point) -> f64| {
        let per_module = || points.iter().map(|point| seconds(point) / point.modules as f64);
        Quantity::Times(per_module().fold(0.0, f64::max) / per_module().fold(f64::MAX, f64::min))
    };
    rows.push(
        Row::new(
            SECTION,
            "dearest length over cheapest, per module",
            steepness(|point| point.seconds),
        )
        .beside("serde structs", steepness(|point| point.twin_seconds))
        .aims(&[Aim::AtMost(Quantity::Times(1.3))]),
    );
    rows
}

/// A plugin whose instances may have the memory that the longest list needs.
fn plugin() -> Outcome<Plugin> {
    Ok(Plugin::load(&artifacts::PLUGIN.wasm, call_limits())?)
}

fn call_limits() -> CallLimits {
    let time = Duration::from_secs(60);
    CallLimits { timeout: time, store_timeout: time, instances: 4, ..CallLimits::default() }
}

fn runtime() -> Outcome<Runtime> {
    Ok(runtime::Builder::new_current_thread().enable_time().build()?)
}

fn list(runtime: &Runtime, service: &Service) -> Vec<u8> {
    runtime.block_on(service.handle(&request("/v1/modules".into()))).unwrap().body.into_bytes()
}

/// The largest growth of this process's memory during `work`.
fn resident<T>(work: impl FnOnce() -> T) -> Outcome<(T, f64)> {
    // Resets the peak to the current size.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS:")?;
    let done = work();
    Ok((done, status("VmHWM:")? - before))
}

/// A field of the kernel's status of this process, in bytes.
fn status(field: &str) -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    let kibibytes = value.and_then(|value| value.parse::<u32>().ok());
    let kibibytes = kibibytes.ok_or_else(|| Failure::from(format!("no {field} in /proc")))?;
    Ok(f64::from(kibibytes) * 1024.0)
}
