//! Catalogs baked into artifacts.

use std::fs;
use std::process::Command;

use ccs_modules::{Limits, Snapshot, body};
use ccs_modules_host::artifacts::{self, Artifact};
use ccs_modules_host::bake::bake;
use tempfile::TempDir;
use wasmparser::{DataKind, Operator, Parser, Payload};

const DEMO: &str = include_str!("../../../host/src/stores/demo.json");

/// The services that a catalog is baked into.
const SERVICES: [&Artifact; 2] = [&artifacts::WASI_HTTP_BAKED, &artifacts::WASI_HTTP_P3_BAKED];

#[test]
fn the_image_lies_behind_everything_that_the_service_has() {
    const PAGE: usize = 64 << 10;
    let image = Snapshot::parse(DEMO.as_bytes(), &Limits::default()).unwrap().into_image();
    for service in SERVICES {
        let baked = bake(&service.wasm, DEMO.as_bytes()).unwrap();
        assert_eq!(baked.catalog.len(), 16);
        let (before, after) = (Memory::of(&service.wasm), Memory::of(&baked.wasm));
        assert_eq!(after.pages, before.pages + image.len().div_ceil(PAGE));

        let (kept, added) = after.segments.split_at(before.segments.len());
        assert_eq!(kept, before.segments);
        let [(place, numbers), (address, bytes)] = added else { panic!("{added:?}") };
        assert_eq!(*address, before.pages * PAGE);
        assert!(*bytes == image);
        let expected = [*address as u32, image.len() as u32].map(u32::to_le_bytes);
        assert_eq!(numbers, expected.as_flattened());
        let end = place + numbers.len();
        assert!(end <= before.pages * PAGE, "the numbers are among the statics");
    }
}

#[test]
fn the_code_is_copied_byte_for_byte() {
    for service in SERVICES {
        let baked = bake(&service.wasm, DEMO.as_bytes()).unwrap();
        assert!(code(&baked.wasm) == code(&service.wasm));
    }
}

#[test]
fn the_same_catalog_gives_the_same_bytes() {
    let spaced = DEMO.replace(",\"", ", \"");
    for service in SERVICES {
        let bake = |body: &str| bake(&service.wasm, body.as_bytes()).unwrap().wasm;
        assert!(bake(DEMO) == bake(DEMO));
        assert!(bake(DEMO) == bake(&spaced), "stored in another form, baked in the compact one");
    }
}

#[test]
fn a_baked_service_imports_no_store() {
    const P2: &[&str] = &[
        "wasi:cli/environment@0.2.12",
        "wasi:cli/stderr@0.2.12",
        "wasi:http/types@0.2.12",
        "wasi:io/error@0.2.12",
        "wasi:io/poll@0.2.12",
        "wasi:io/streams@0.2.12",
    ];
    const P3: &[&str] = &[
        "wasi:cli/environment@0.3.0",
        "wasi:cli/stderr@0.3.0",
        "wasi:cli/types@0.3.0",
        "wasi:http/types@0.3.0",
    ];
    for (service, expected) in SERVICES.into_iter().zip([P2, P3]) {
        let wasm = bake(&service.wasm, b"[]").unwrap().wasm.into();
        let mut imports = Artifact { wasm, ..service.clone() }.imports().unwrap();
        imports.sort();
        assert_eq!(imports, expected);
    }
}

#[test]
fn a_large_catalog_is_baked() {
    const MODULES: usize = 100_000;
    let documents: Vec<_> = (0..MODULES).map(|uid| format!(r#"{{"uid":"{uid}"}}"#)).collect();
    let body = body::join(&documents);
    let baked = bake(&artifacts::WASI_HTTP_BAKED.wasm, &body).unwrap();
    assert_eq!(baked.catalog.len(), MODULES);
    let memory = Memory::of(&baked.wasm);
    let (_, image) = memory.segments.last().unwrap();
    assert!(Snapshot::from_image(image).unwrap().body() == body);
}

#[test]
fn a_malformed_catalog_is_not_baked() {
    for (body, error) in [
        ("", "line 1, column 1: the list of documents: unexpected end"),
        ("{}", "line 1, column 1: the list of documents: expected an array"),
        (
            "[{\"uid\":\"a\"},\n {\"uid\":\"b\"} x]",
            "line 2, column 14: the list of documents: unexpected `x`",
        ),
        (
            "[{\"uid\":\"a\"},{\"uid\":1}]",
            "line 1, column 14: document at index 1: field uid: a number, expected a string",
        ),
        (
            "[{\"uid\":\"a\"},{\"uid\":\"a\"}]",
            "line 1, column 14: document \"a\": field uid: shared by two documents, the later at index 1",
        ),
    ] {
        let found = bake(&artifacts::WASI_HTTP_BAKED.wasm, body.as_bytes()).unwrap_err();
        assert_eq!(found.to_string(), error, "{body}");
    }
}

#[test]
fn a_component_without_a_place_for_a_catalog_is_not_baked_into() {
    for (wasm, reason) in [
        (&*artifacts::WASI_HTTP.wasm, "it has no place for a catalog"),
        (b"no component", "not WebAssembly: "),
    ] {
        let found = bake(wasm, b"[]").unwrap_err().to_string();
        assert!(
            found.starts_with(&format!("cannot bake into this component: {reason}")),
            "{found}"
        );
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
    assert_eq!(text, format!("{}: {size} bytes, with 16 modules\n", service.display()));
}

/// The memory of the one module that has data, as a fresh instance has it.
#[derive(Default)]
struct Memory {
    pages: usize,
    /// The address and the bytes of each segment.
    segments: Vec<(usize, Vec<u8>)>,
}

impl Memory {
    fn of(wasm: &[u8]) -> Self {
        let mut memory = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::MemorySection(section) => {
                    memory.pages = section.into_iter().next().unwrap().unwrap().initial as usize;
                }
                Payload::DataSection(section) => {
                    memory.segments.extend(section.into_iter().map(|segment| {
                        let segment = segment.unwrap();
                        let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else {
                            panic!("a segment that is not active")
                        };
                        let offset = offset_expr.get_operators_reader().read().unwrap();
                        let Operator::I32Const { value } = offset else { panic!("{offset:?}") };
                        (value as usize, segment.data.to_vec())
                    }));
                }
                _ => {}
            }
        }
        memory
    }
}

/// The sections of a component and its modules, without memories, data and the sections that
/// contain them: the number and the bytes of each.
fn code(wasm: &[u8]) -> Vec<(u8, &[u8])> {
    let sections = Parser::new(0).parse_all(wasm).filter_map(|payload| {
        let payload = payload.unwrap();
        if let Payload::MemorySection(_)
        | Payload::DataCountSection { .. }
        | Payload::DataSection(_)
        | Payload::ModuleSection { .. } = payload
        {
            return None;
        }
        let (id, range) = payload.as_section()?;
        Some((id, &wasm[range.start as usize..range.end as usize]))
    });
    sections.collect()
}
