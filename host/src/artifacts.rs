//! The artifacts: every WebAssembly file that is shipped, as built together with this library.

use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmparser::{Parser, Payload};

include!(concat!(env!("OUT_DIR"), "/artifacts.rs"));

/// One artifact.
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// Its file name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Its bytes.
    pub wasm: &'static [u8],
    /// The crates whose code is in it, by name. Those of the Rust standard library come on top.
    pub crates: &'static [Crate],
}

/// A crate whose code is in an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crate {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its licence, an SPDX expression.
    pub license: &'static str,
    /// Whether it is a part of this project, and so in no registry.
    pub ours: bool,
}

/// Bytes that are not WebAssembly.
#[derive(Debug, Error)]
#[error("not WebAssembly: {0}")]
pub struct NotWasm(#[from] wasmparser::BinaryReaderError);

impl Artifact {
    /// The SHA-256 digest of its bytes, in lower-case hex.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.wasm).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What it imports, in its own order: interfaces for a component, `module.name` for a module.
    ///
    /// # Errors
    ///
    /// Where the bytes are not WebAssembly.
    pub fn imports(&self) -> Result<Vec<String>, NotWasm> {
        let mut imports = Vec::new();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(self.wasm) {
            match payload? {
                // What a component holds inside it imports from the component.
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
