//! The cost of calls, in parts: the core natively, the component warm and fresh, and the start of an
//! instance. Each is compared with native serde.

use std::hint::black_box;
use std::time::Instant;

use ccs_modules::{Ask, Limits, Snapshot, Step, access, body, get_module, list_modules, rest};
use ccs_modules_benches::catalog;
use ccs_modules_benches::structs::Module;
use ccs_modules_host::{
    CallLimits, Caller, KeptSnapshot, Plugin, Request, Service, Standalone, artifacts, stores,
};
use criterion::Bencher;
use serde_json::Value;
use tokio::runtime::{self, Runtime};
use wasmtime::component::Component;

use crate::context::Context;
use crate::failure::Outcome;
use crate::row::{Aim, Quantity, Row};
use crate::start::Starter;
use crate::timing::{Clock, Side};

pub const ROLES: [&str; 1] = ["db_viewer"];

/// A component that contains one function and nothing else.
const EMPTY: &str = r#"(component
    (core module $empty (func (export "nothing")))
    (core instance $empty (instantiate $empty))
    (func (export "nothing") (canon lift (core func $empty "nothing"))))"#;

/// The same with a memory, which every guest needs that receives a string.
const EMPTY_WITH_MEMORY: &str = r#"(component
    (core module $empty (memory (export "memory") 1) (func (export "nothing")))
    (core instance $empty (instantiate $empty))
    (func (export "nothing") (canon lift (core func $empty "nothing"))))"#;

/// Measures the calls. It runs in its own process, since criterion writes a line for each turn.
pub fn measure(clock: &mut Clock) -> Outcome<()> {
    let documents = catalog::demo();
    let one = catalog::middle(&documents);
    let (uid, rearranged) = (catalog::uid(one), catalog::rearranged(one));
    let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default())?;
    let service = plugin.service(stores::demo());
    let standalone = Standalone::load(&artifacts::STANDALONE.wasm, CallLimits::default())?;
    let mut for_get = kept(&runtime, &standalone, &documents)?;
    let mut for_list = kept(&runtime, &standalone, &documents)?;
    let whole = Starter::new(&Component::from_binary(plugin.engine(), &artifacts::PLUGIN.wasm)?)?;
    let assembled = |text| {
        let component = Component::from_binary(plugin.engine(), &wat::parse_str(text)?)?;
        Outcome::Ok(Starter::new(&component)?)
    };
    let (empty, with_memory) = (assembled(EMPTY)?, assembled(EMPTY_WITH_MEMORY)?);

    for (comparison, document) in [("compact", one), ("rearranged", &*rearranged)] {
        clock.compare(
            comparison,
            vec![
                ("core", Box::new(|b| b.iter(|| core_typed(&uid, black_box(document))))),
                ("structs", Box::new(|b| b.iter(|| structs_read(black_box(document))))),
                ("value", Box::new(|b| b.iter(|| value_read(black_box(document))))),
            ],
        );
    }
    let get = request(catalog::middle_target());
    clock.compare(
        "get",
        vec![
            ("core", Box::new(|b| b.iter(|| core_answer(black_box(&get), &[one])))),
            warm(&runtime, &service, &get),
            fresh(&runtime, &service, &get),
            kept_side(&mut for_get, &get),
            start("start", &runtime, &whole),
            start("empty", &runtime, &empty),
            start("memory", &runtime, &with_memory),
            ("structs", Box::new(|b| b.iter(|| structs_get(black_box(one))))),
            ("value", Box::new(|b| b.iter(|| value_get(black_box(one))))),
        ],
    );
    let list = request("/v1/modules".into());
    clock.compare(
        "list",
        vec![
            ("core", Box::new(|b| b.iter(|| core_answer(black_box(&list), &documents)))),
            warm(&runtime, &service, &list),
            fresh(&runtime, &service, &list),
            kept_side(&mut for_list, &list),
            ("structs", Box::new(|b| b.iter(|| structs_list(black_box(&documents))))),
            ("value", Box::new(|b| b.iter(|| value_list(black_box(&documents))))),
        ],
    );
    let body = body::join(&documents);
    let texts = texts(&documents)?;
    clock.compare(
        "open",
        vec![
            ("core", Box::new(|b| b.iter(|| core_open(black_box(&body))))),
            (
                "component",
                Box::new(|b| {
                    repeat(b, &runtime, async || {
                        black_box(standalone.open(&texts).await.unwrap());
                    });
                }),
            ),
            ("value", Box::new(|b| b.iter(|| value_read(black_box(&body))))),
        ],
    );
    clock.compare(
        "typed",
        vec![
            ("core", Box::new(|b| b.iter(|| core_typed_list(black_box(&documents))))),
            typed(&runtime, &service),
            ("structs", Box::new(|b| b.iter(|| structs_parse(black_box(&documents))))),
        ],
    );
    Ok(())
}

/// The rows of this part.
pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    let estimates = context.estimates("calls")?;
    let row = |comparison: &str, (side, name): (&str, &str), (twin, beside): (&str, &str)| {
        let ours = estimates.time(comparison, side)?;
        let section =
            if comparison == "compact" || comparison == "rearranged" { "document" } else { "call" };
        Outcome::Ok(Row::new(section, name, ours).beside(beside, estimates.time(comparison, twin)?))
    };
    let (structs, value) = (("structs", "serde structs"), ("value", "serde_json::Value"));
    let empty = ("empty", "starting an empty component");
    let with_memory = ("memory", "the same with a memory");
    Ok(vec![
        row("compact", ("core", "a compact document, native"), structs)?,
        row("compact", ("core", "a compact document, native"), value)?,
        row("rearranged", ("core", "a document to make compact, native"), structs)?,
        row("rearranged", ("core", "a document to make compact, native"), value)?,
        row("get", ("core", "get, native"), structs)?,
        row("get", ("core", "get, native"), value)?,
        row("get", ("warm", "get, warm instance"), structs)?,
        row("get", ("fresh", "get, fresh instance"), structs)?,
        row("get", ("kept", "get, kept snapshot"), structs)?.aims(&[Aim::RatioAtMost(0.8)]),
        row("get", ("start", "starting an instance"), empty)?,
        row("get", ("start", "starting an instance"), with_memory)?,
        row("get", ("fresh", "get, fresh instance"), empty)?
            .aims(&[Aim::RatioAtMost(2.5), Aim::AtMost(Quantity::Seconds(10e-6))]),
        row("get", ("fresh", "get, fresh instance"), with_memory)?,
        row("list", ("core", "list, native"), structs)?,
        row("list", ("core", "list, native"), value)?,
        row("list", ("warm", "list, warm instance"), structs)?.aims(&[Aim::RatioAtMost(0.5)]),
        row("list", ("warm", "list, warm instance"), value)?,
        row("list", ("fresh", "list, fresh instance"), structs)?,
        row("list", ("kept", "list, kept snapshot"), structs)?.aims(&[Aim::RatioAtMost(0.1)]),
        row("open", ("core", "opening a snapshot, native"), value)?.aims(&[Aim::RatioAtMost(1.0)]),
        row("open", ("component", "opening a snapshot, fresh instance"), value)?,
        row("typed", ("core", "typed list, native"), structs)?,
        row("typed", ("warm", "typed list, warm instance"), structs)?,
    ])
}

fn warm<'a>(runtime: &'a Runtime, service: &'a Service, request: &'a Request) -> Side<'a> {
    let mut instance = service.instance();
    (
        "warm",
        Box::new(move |b| {
            repeat(b, runtime, async || {
                assert_eq!(instance.handle(request).await.unwrap().status, 200)
            });
        }),
    )
}

fn fresh<'a>(runtime: &'a Runtime, service: &'a Service, request: &'a Request) -> Side<'a> {
    (
        "fresh",
        Box::new(move |b| {
            repeat(b, runtime, async || {
                assert_eq!(service.handle(request).await.unwrap().status, 200)
            });
        }),
    )
}

/// Opens a snapshot in its own instance.
pub fn kept(
    runtime: &Runtime,
    standalone: &Standalone,
    documents: &[Vec<u8>],
) -> Outcome<KeptSnapshot> {
    Ok(runtime.block_on(standalone.open(&texts(documents)?))?)
}

fn texts(documents: &[Vec<u8>]) -> Outcome<Vec<String>> {
    Ok(documents.iter().map(|it| String::from_utf8(it.clone())).collect::<Result<_, _>>()?)
}

/// One side of a comparison: a call of a kept snapshot.
pub fn kept_side<'a>(snapshot: &'a mut KeptSnapshot, request: &'a Request) -> Side<'a> {
    (
        "kept",
        Box::new(move |b| b.iter(|| assert_eq!(snapshot.handle(request).unwrap().status, 200))),
    )
}

fn typed<'a>(runtime: &'a Runtime, service: &'a Service) -> Side<'a> {
    let mut instance = service.instance();
    (
        "warm",
        Box::new(move |b| {
            repeat(b, runtime, async || {
                black_box(instance.list_modules(&ROLES).await.unwrap());
            });
        }),
    )
}

fn start<'a>(name: &'static str, runtime: &'a Runtime, starter: &'a Starter) -> Side<'a> {
    (name, Box::new(move |b| repeat(b, runtime, async || starter.start().await.unwrap())))
}

/// Times an async function.
pub fn repeat(bencher: &mut Bencher<'_>, runtime: &Runtime, mut call: impl AsyncFnMut()) {
    bencher.iter_custom(|times| {
        runtime.block_on(async {
            let started = Instant::now();
            for _ in 0..times {
                call().await;
            }
            started.elapsed()
        })
    });
}

pub fn request(target: String) -> Request {
    let caller = Caller::Authenticated(ROLES.map(String::from).into());
    Request { method: "GET".into(), target, headers: Vec::new(), caller }
}

fn core_typed(uid: &str, document: &[u8]) -> ccs_modules::Module {
    match get_module(&ROLES, uid, &Limits::default()) {
        Step::Ask(Ask::Document(ask)) => ask.answer(Ok(Some(document))).unwrap(),
        _ => unreachable!("to get a module needs its document"),
    }
}

fn core_typed_list(documents: &[Vec<u8>]) -> Vec<ccs_modules::Module> {
    match list_modules(&ROLES, &Limits::default()) {
        Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(documents.iter().collect())).unwrap(),
        _ => unreachable!("a list needs all documents"),
    }
}

/// The core's answer over a store of `documents`.
pub fn core_answer<D: AsRef<[u8]>>(request: &Request, documents: &[D]) -> Vec<u8> {
    let request = rest::Request {
        method: &request.method,
        target: &request.target,
        headers: &[],
        caller: &access::Caller::Authenticated(ROLES.map(String::from).to_vec()),
    };
    let response = match rest::handle(&request, &Limits::default()) {
        Step::Ask(Ask::Document(ask)) => ask.answer(Ok(documents.first())),
        Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(documents.iter().collect())),
        Step::Done(response) => response,
    };
    assert_eq!(response.status, 200);
    response.body
}

fn core_open(body: &[u8]) -> Snapshot {
    Snapshot::parse(body, &Limits::default()).unwrap()
}

fn structs_read(document: &[u8]) -> Module {
    serde_json::from_slice(document).unwrap()
}

fn structs_parse(documents: &[Vec<u8>]) -> Vec<Module> {
    documents.iter().map(|document| structs_read(document)).collect()
}

/// The work of every twin for one module.
pub fn structs_get(document: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&structs_read(document)).unwrap()
}

/// The work of every twin for a list: parse each document, then write them all.
pub fn structs_list(documents: &[Vec<u8>]) -> Vec<u8> {
    serde_json::to_vec(&structs_parse(documents)).unwrap()
}

fn value_read(document: &[u8]) -> Value {
    serde_json::from_slice(document).unwrap()
}

fn value_get(document: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&value_read(document)).unwrap()
}

fn value_list(documents: &[Vec<u8>]) -> Vec<u8> {
    let values: Vec<_> = documents.iter().map(|document| value_read(document)).collect();
    serde_json::to_vec(&values).unwrap()
}
