//! The artifacts: every WebAssembly file that is shipped, built together with this library.

pub mod bake;
mod bom;
pub mod compose;

use std::borrow::Cow;
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmparser::{Parser, Payload};

use self::compose::{CannotCompose, compose};

include!(concat!(env!("ARTIFACTS"), "/artifacts.rs"));

/// Every artifact that is composed of two others.
pub static COMPOSITIONS: &[Composition] = &[
    Composition {
        name: "ccs_modules_wasi_http_upstream.wasm",
        about: "component, HTTP service on WASI 0.2 with its store in a cluster's REST API",
        front: &WASI_HTTP,
        store: &CCS_HTTP,
    },
    Composition {
        name: "ccs_modules_wasi_http_keyvalue.wasm",
        about: "component, HTTP service on WASI 0.2 with its store in wasi:keyvalue 0.2.0-draft",
        front: &WASI_HTTP,
        store: &CCS_KEYVALUE,
    },
    Composition {
        name: "ccs_modules_wasi_http_redis.wasm",
        about: "component, HTTP service on WASI 0.2 with its store in a Redis hash",
        front: &WASI_HTTP,
        store: &CCS_REDIS,
    },
    Composition {
        name: "ccs_modules_wasi_http_p3_upstream.wasm",
        about: "component, HTTP service on WASI 0.3 with its store in a cluster's REST API",
        front: &WASI_HTTP_P3,
        store: &CCS_HTTP,
    },
    Composition {
        name: "ccs_modules_wasi_http_p3_keyvalue.wasm",
        about: "component, HTTP service on WASI 0.3 with its store in wasi:keyvalue 0.2.0-draft",
        front: &WASI_HTTP_P3,
        store: &CCS_KEYVALUE,
    },
    Composition {
        name: "ccs_modules_wasi_http_p3_keyvalue_draft2.wasm",
        about: "component, HTTP service on WASI 0.3 with its store in wasi:keyvalue 0.2.0-draft2 (Spin)",
        front: &WASI_HTTP_P3,
        store: &CCS_KEYVALUE_DRAFT2,
    },
    Composition {
        name: "ccs_modules_wasi_http_p3_redis.wasm",
        about: "component, HTTP service on WASI 0.3 with its store in a Redis hash",
        front: &WASI_HTTP_P3,
        store: &CCS_REDIS,
    },
];

/// The artifacts that are shipped as a part of a composed one only, since no host here runs them alone.
const PARTS: &[&Artifact] = &[&CCS_KEYVALUE_DRAFT2];

/// Returns every artifact: first the built ones, then the composed ones. Composing takes some
/// milliseconds.
///
/// # Errors
///
/// If two artifacts do not fit together.
pub fn all() -> Result<Vec<Artifact>, CannotCompose> {
    let is_part = |artifact: &Artifact| PARTS.iter().any(|part| part.name == artifact.name);
    let built = BUILT.iter().filter(|artifact| !is_part(artifact));
    let built = built.map(|&artifact| Ok(artifact.clone()));
    built.chain(COMPOSITIONS.iter().map(Composition::compose)).collect()
}

/// One artifact.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The file name.
    pub name: &'static str,
    /// A description of one line.
    pub about: &'static str,
    /// The bytes of the file.
    pub wasm: Cow<'static, [u8]>,
    /// The crates whose code is in it, by name, without those of the Rust standard library.
    pub crates: Cow<'static, [Crate]>,
}

/// Two artifacts that are composed to a third.
#[derive(Clone, Copy, Debug)]
pub struct Composition {
    /// The file name of the composed artifact.
    pub name: &'static str,
    /// A description of one line.
    pub about: &'static str,
    /// The artifact that imports `ccs`.
    pub front: &'static Artifact,
    /// The artifact that exports `ccs`.
    pub store: &'static Artifact,
}

impl Composition {
    /// Composes the artifact.
    ///
    /// # Errors
    ///
    /// If the two artifacts do not fit together.
    pub fn compose(&self) -> Result<Artifact, CannotCompose> {
        let parts = [self.front, self.store];
        let crates: BTreeSet<_> =
            parts.iter().flat_map(|part| part.crates.iter()).copied().collect();
        Ok(Artifact {
            name: self.name,
            about: self.about,
            wasm: compose(&self.front.wasm, &self.store.wasm)?.into(),
            crates: crates.into_iter().collect(),
        })
    }
}

/// A crate whose code is in an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// The name.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// The license, an SPDX expression.
    pub license: &'static str,
    /// Whether the crate is part of this project and not in a registry.
    pub ours: bool,
}

/// The error for bytes that are not WebAssembly.
#[derive(Debug, Error)]
#[error("not WebAssembly: {0}")]
pub struct NotWasm(#[from] wasmparser::BinaryReaderError);

impl Artifact {
    /// Returns the SHA-256 digest of the bytes, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.wasm).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the imports in the order of the file: interfaces of a component, `module.name` of a
    /// module.
    ///
    /// # Errors
    ///
    /// If the bytes are not WebAssembly.
    pub fn imports(&self) -> Result<Vec<String>, NotWasm> {
        let mut imports = Vec::new();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(&self.wasm) {
            match payload? {
                // Modules and components inside a component import from it, not from the host.
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ImportSection(section) if depth == 0 => {
                    for import in section.into_imports() {
                        let import = import?;
                        imports.push(format!("{}.{}", import.module, import.name));
                    }
                }
                _ => {}
            }
        }
        Ok(imports)
    }
}
