//! The promises of the artifacts: imports, exports and size are part of their API.

use ccs_modules_host::artifacts::{self, Artifact};
use serde_json::Value;
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldItem, WorldKey};

/// The promise of one artifact: its imports, exports and size.
struct Promise {
    /// The file name.
    artifact: &'static str,
    imports: &'static [&'static str],
    exports: &'static [&'static str],
    /// The size limit, in bytes.
    budget: usize,
}

const PROMISES: &[Promise] = &[
    Promise {
        artifact: "ccs_modules_plugin.wasm",
        imports: &["ccs:modules/ccs@0.1.0"],
        exports: &[
            "ccs:modules/catalog@0.1.0",
            "ccs:modules/lookup@0.1.0",
            "ccs:modules/rest@0.1.0",
            "ccs:modules/types@0.1.0",
        ],
        budget: 192 << 10,
    },
    // The ABI of Proxy-Wasm 0.2.1 as the SDK imports and exports it, and of WASI the randomness alone.
    Promise {
        artifact: "ccs_modules_proxy_wasm.wasm",
        imports: &[
            "env.proxy_add_header_map_value",
            "env.proxy_call_foreign_function",
            "env.proxy_close_stream",
            "env.proxy_continue_stream",
            "env.proxy_define_metric",
            "env.proxy_dequeue_shared_queue",
            "env.proxy_done",
            "env.proxy_enqueue_shared_queue",
            "env.proxy_get_buffer_bytes",
            "env.proxy_get_current_time_nanoseconds",
            "env.proxy_get_header_map_pairs",
            "env.proxy_get_header_map_value",
            "env.proxy_get_property",
            "env.proxy_get_shared_data",
            "env.proxy_get_status",
            "env.proxy_grpc_call",
            "env.proxy_grpc_cancel",
            "env.proxy_grpc_close",
            "env.proxy_grpc_send",
            "env.proxy_grpc_stream",
            "env.proxy_http_call",
            "env.proxy_increment_metric",
            "env.proxy_log",
            "env.proxy_record_metric",
            "env.proxy_register_shared_queue",
            "env.proxy_remove_header_map_value",
            "env.proxy_replace_header_map_value",
            "env.proxy_resolve_shared_queue",
            "env.proxy_send_local_response",
            "env.proxy_set_buffer_bytes",
            "env.proxy_set_effective_context",
            "env.proxy_set_header_map_pairs",
            "env.proxy_set_property",
            "env.proxy_set_shared_data",
            "env.proxy_set_tick_period_milliseconds",
            "wasi_snapshot_preview1.random_get",
        ],
        exports: &[
            "__data_end",
            "__heap_base",
            "_initialize",
            "malloc",
            "memory",
            "proxy_abi_version_0_2_1",
            "proxy_on_configure",
            "proxy_on_context_create",
            "proxy_on_delete",
            "proxy_on_done",
            "proxy_on_downstream_connection_close",
            "proxy_on_downstream_data",
            "proxy_on_foreign_function",
            "proxy_on_grpc_close",
            "proxy_on_grpc_receive",
            "proxy_on_grpc_receive_initial_metadata",
            "proxy_on_grpc_receive_trailing_metadata",
            "proxy_on_http_call_response",
            "proxy_on_log",
            "proxy_on_new_connection",
            "proxy_on_queue_ready",
            "proxy_on_request_body",
            "proxy_on_request_headers",
            "proxy_on_request_trailers",
            "proxy_on_response_body",
            "proxy_on_response_headers",
            "proxy_on_response_trailers",
            "proxy_on_tick",
            "proxy_on_upstream_connection_close",
            "proxy_on_upstream_data",
            "proxy_on_vm_start",
        ],
        budget: 512 << 10,
    },
    // The ABI of http-wasm, and of WASI preview 1 the functions that read a mounted file and end an
    // instance.
    Promise {
        artifact: "ccs_modules_http_wasm.wasm",
        imports: &[
            "http_handler.get_config",
            "http_handler.get_header_names",
            "http_handler.get_header_values",
            "http_handler.get_method",
            "http_handler.get_uri",
            "http_handler.log",
            "http_handler.set_header_value",
            "http_handler.set_status_code",
            "http_handler.write_body",
            "wasi_snapshot_preview1.fd_close",
            "wasi_snapshot_preview1.fd_prestat_dir_name",
            "wasi_snapshot_preview1.fd_prestat_get",
            "wasi_snapshot_preview1.fd_read",
            "wasi_snapshot_preview1.path_open",
            "wasi_snapshot_preview1.proc_exit",
        ],
        exports: &[
            "__data_end",
            "__heap_base",
            "_initialize",
            "handle_request",
            "handle_response",
            "memory",
        ],
        budget: 240 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http.wasm",
        imports: &[
            "ccs:modules/ccs@0.1.0",
            "wasi:cli/environment@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
        ],
        exports: &["wasi:http/incoming-handler@0.2.12"],
        budget: 208 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_baked.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
        ],
        exports: &["wasi:http/incoming-handler@0.2.12"],
        budget: 208 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3.wasm",
        imports: &[
            "ccs:modules/ccs@0.1.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:http/types@0.3.0",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 240 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3_baked.wasm",
        imports: &[
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:http/types@0.3.0",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 240 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3_middleware.wasm",
        imports: &[
            "ccs:modules/ccs@0.1.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:http/handler@0.3.0",
            "wasi:http/types@0.3.0",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 240 << 10,
    },
    Promise {
        artifact: "ccs_modules_fastly.wasm",
        imports: &[
            "fastly:compute/async-io@0.1.0",
            "fastly:compute/backend@0.1.0",
            "fastly:compute/config-store@0.1.0",
            "fastly:compute/http-body@0.1.0",
            "fastly:compute/http-req@0.1.0",
            "fastly:compute/http-resp@0.1.0",
            "fastly:compute/http-types@0.1.0",
            "fastly:compute/kv-store@0.1.0",
            "fastly:compute/secret-store@0.1.0",
            "fastly:compute/types@0.1.0",
            "wasi:cli/stderr@0.2.6",
            "wasi:clocks/monotonic-clock@0.2.6",
            "wasi:io/error@0.2.6",
            "wasi:io/streams@0.2.6",
        ],
        exports: &["fastly:compute/http-incoming@0.1.0"],
        budget: 288 << 10,
    },
    Promise {
        artifact: "ccs_modules_ccs_http.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
        ],
        exports: &["ccs:modules/ccs@0.1.0"],
        budget: 224 << 10,
    },
    Promise {
        artifact: "ccs_modules_ccs_keyvalue.wasm",
        imports: &["wasi:cli/environment@0.2.12", "wasi:keyvalue/store@0.2.0-draft"],
        exports: &["ccs:modules/ccs@0.1.0"],
        budget: 80 << 10,
    },
    Promise {
        artifact: "ccs_modules_ccs_redis.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:sockets/instance-network@0.2.12",
            "wasi:sockets/ip-name-lookup@0.2.12",
            "wasi:sockets/network@0.2.12",
            "wasi:sockets/tcp-create-socket@0.2.12",
            "wasi:sockets/tcp@0.2.12",
        ],
        exports: &["ccs:modules/ccs@0.1.0"],
        budget: 128 << 10,
    },
    Promise {
        artifact: "ccs_modules_standalone.wasm",
        imports: &[],
        exports: &[
            "ccs:modules/access@0.1.0",
            "ccs:modules/mirror@0.1.0",
            "ccs:modules/snapshot@0.1.0",
            "ccs:modules/types@0.1.0",
        ],
        budget: 416 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_upstream.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
        ],
        exports: &["wasi:http/incoming-handler@0.2.12"],
        budget: 432 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_keyvalue.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:keyvalue/store@0.2.0-draft",
        ],
        exports: &["wasi:http/incoming-handler@0.2.12"],
        budget: 272 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_redis.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:sockets/instance-network@0.2.12",
            "wasi:sockets/ip-name-lookup@0.2.12",
            "wasi:sockets/network@0.2.12",
            "wasi:sockets/tcp-create-socket@0.2.12",
            "wasi:sockets/tcp@0.2.12",
        ],
        exports: &["wasi:http/incoming-handler@0.2.12"],
        budget: 336 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3_upstream.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:http/types@0.3.0",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 448 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3_keyvalue.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:http/types@0.3.0",
            "wasi:keyvalue/store@0.2.0-draft",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 304 << 10,
    },
    // Spin 4 is in no package registry, so its artifact is not run: this list is what is known of it.
    Promise {
        artifact: "ccs_modules_wasi_http_p3_keyvalue_draft2.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:http/types@0.3.0",
            "wasi:keyvalue/store@0.2.0-draft2",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 304 << 10,
    },
    Promise {
        artifact: "ccs_modules_wasi_http_p3_redis.wasm",
        imports: &[
            "wasi:cli/environment@0.2.12",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/stderr@0.3.0",
            "wasi:cli/types@0.3.0",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/types@0.3.0",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:sockets/instance-network@0.2.12",
            "wasi:sockets/ip-name-lookup@0.2.12",
            "wasi:sockets/network@0.2.12",
            "wasi:sockets/tcp-create-socket@0.2.12",
            "wasi:sockets/tcp@0.2.12",
        ],
        exports: &["wasi:http/handler@0.3.0"],
        budget: 352 << 10,
    },
];

#[test]
fn every_artifact_has_a_promise() {
    let promised: Vec<_> = PROMISES.iter().map(|promise| promise.artifact).collect();
    let shipped: Vec<_> = shipped().into_iter().map(|artifact| artifact.name).collect();
    assert_eq!(promised, shipped);
}

#[test]
fn imports_and_exports_are_exactly_those_promised() {
    for (promise, artifact) in PROMISES.iter().zip(shipped()) {
        let name = promise.artifact;
        let (imports, exports) = imports_and_exports(&artifact);
        assert_eq!(imports, promise.imports, "imports of {name}");
        assert_eq!(exports, promise.exports, "exports of {name}");
        let mut listed = artifact.imports().unwrap();
        listed.sort();
        assert_eq!(listed, promise.imports, "listed for {name}");
    }
}

#[test]
fn sizes_are_within_budget() {
    for (Promise { budget, .. }, artifact) in PROMISES.iter().zip(shipped()) {
        let size = artifact.wasm.len();
        assert!(size <= *budget, "{} has {size} bytes, budget {budget}", artifact.name);
    }
}

#[test]
fn no_path_of_the_build_machine_gets_in() {
    let root = env!("CARGO_MANIFEST_DIR").strip_suffix("/host").unwrap();
    let home = std::env::home_dir().unwrap().join(".cargo");
    for artifact in shipped() {
        let text = String::from_utf8_lossy(&artifact.wasm);
        for path in [root, home.to_str().unwrap()] {
            assert!(!text.contains(path), "{} holds {path}", artifact.name);
        }
    }
}

#[test]
fn bills_of_materials_name_what_is_in_an_artifact() {
    let lock = include_str!("../../../Cargo.lock");
    for artifact in shipped() {
        let bill: Value = serde_json::from_str(&artifact.bill_of_materials()).unwrap();
        let subject = &bill["metadata"]["component"];
        assert_eq!(subject["name"], artifact.name);
        assert_eq!(subject["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(subject["hashes"][0]["content"], artifact.sha256());
        let names: Vec<_> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        assert_eq!(names.last(), Some(&"Rust standard library"));
        assert!(names.contains(&"ccs-modules") || names.contains(&"wit-bindgen"), "{names:?}");
        // Neither crates of the host nor those of build time.
        for absent in ["wasmtime", "syn", "wit-bindgen-rust", "proptest"] {
            assert!(!names.contains(&absent), "{absent} in {}", artifact.name);
        }
        for krate in artifact.crates.iter() {
            let entry = format!("name = \"{}\"\nversion = \"{}\"\n", krate.name, krate.version);
            assert!(lock.contains(&entry), "{krate:?}");
            assert_eq!(krate.ours, krate.name.starts_with("ccs-modules"), "{krate:?}");
            assert!(!krate.license.is_empty(), "{krate:?}");
        }
    }
    let names = |artifact: &Artifact| artifact.crates.iter().map(|it| it.name).collect::<Vec<_>>();
    for composition in artifacts::COMPOSITIONS {
        let composed = names(&composition.compose().unwrap());
        for part in [composition.front, composition.store] {
            assert!(names(part).iter().all(|name| composed.contains(name)), "{composed:?}");
        }
    }
}

fn shipped() -> Vec<Artifact> {
    artifacts::all().unwrap()
}

fn imports_and_exports(artifact: &Artifact) -> (Vec<String>, Vec<String>) {
    if wasmparser::Parser::is_core_wasm(&artifact.wasm) {
        let module = wasmtime::Module::new(&wasmtime::Engine::default(), &artifact.wasm).unwrap();
        let imports = module.imports().map(|it| format!("{}.{}", it.module(), it.name()));
        let exports = module.exports().map(|it| it.name().to_owned());
        return (sorted(imports), sorted(exports));
    }
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&artifact.wasm).unwrap()
    else {
        panic!("{} is not a component", artifact.name);
    };
    let world = &resolve.worlds[world];
    (names(&resolve, world.imports.iter()), names(&resolve, world.exports.iter()))
}

fn names<'a>(
    resolve: &Resolve,
    items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Vec<String> {
    sorted(items.map(|(key, _)| resolve.name_world_key(key)))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}
