//! Fuzz targets: they compare the core's behaviour on any input with small references.
//!
//! A target is a module with a function `run`, which takes any bytes and panics on a find. It runs
//! in three ways: by libFuzzer (`cargo fuzz run TARGET`), on the files given to its program (`cargo
//! run --bin TARGET -- FILES`), and by `cargo test`, which replays `corpus/` and mutates it.

pub mod calls;
pub mod generate;
pub mod json;
pub mod rules;

#[cfg(feature = "component")]
pub mod component;
pub mod configuration;
pub mod documents;
pub mod objects;
pub mod plugin_configuration;
pub mod policy;
pub mod requests;
pub mod snapshot;
pub mod snapshot_against_ask;
pub mod stores;
pub mod subject;

/// The Envoy filter's configuration. Its module is private to its wasm-only crate.
#[path = "../../../adapters/proxy-wasm/src"]
mod filter {
    #[allow(dead_code)]
    pub mod config;
}
// The path that the module has in its own crate.
use filter::config;

/// The subject of a client's certificate. Its module is private to the host, which brings wasmtime.
#[path = "../../../host/src/server/connections/distinguished_name.rs"]
mod distinguished_name;

/// The Traefik plugin's configuration. Its module is private to its wasm-only crate.
#[path = "../../../adapters/http-wasm/src"]
mod plugin {
    #[allow(dead_code)]
    pub mod config;
}

/// The files that the plugin's configuration reads. No folder is mounted here.
mod mount {
    pub fn read(_: &str) -> Result<Vec<u8>, String> {
        Err("not in a folder that is mounted".into())
    }
}

/// A target: its name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    #[cfg(feature = "component")]
    ("component", component::run),
    ("configuration", configuration::run),
    ("documents", documents::run),
    ("objects", objects::run),
    ("plugin_configuration", plugin_configuration::run),
    ("policy", policy::run),
    ("requests", requests::run),
    ("snapshot", snapshot::run),
    ("snapshot_against_ask", snapshot_against_ask::run),
    ("stores", stores::run),
    ("subject", subject::run),
];

/// The program of a target: for libFuzzer, or one that replays the files it is given.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::$name::run(input));

        #[cfg(not(fuzzing))]
        fn main() {
            for path in std::env::args().skip(1) {
                println!("{path}");
                $crate::$name::run(&std::fs::read(path).expect("a file to replay"));
            }
        }
    };
}
