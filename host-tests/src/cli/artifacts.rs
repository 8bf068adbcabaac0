//! `artifacts DIR`: every WebAssembly file.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ccs_modules_host::artifacts;

use super::Failure;

/// Writes every artifact into `dir` and tells of each its size, digest and imports.
pub fn run(dir: &Path) -> Result<Vec<u8>, Failure> {
    fs::create_dir_all(dir)
        .map_err(|error| Failure::Other(format!("cannot make {}: {error}", dir.display())))?;
    let mut text = String::new();
    for artifact in artifacts::ALL {
        let path = dir.join(artifact.name);
        fs::write(&path, artifact.wasm)
            .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))?;

        writeln!(text, "{}\n  {}", path.display(), artifact.about).map_err(Failure::other)?;
        writeln!(text, "  size    {} bytes", artifact.wasm.len()).map_err(Failure::other)?;
        writeln!(text, "  sha256  {}", artifact.sha256()).map_err(Failure::other)?;
        for import in artifact.imports().map_err(Failure::other)? {
            writeln!(text, "  import  {import}").map_err(Failure::other)?;
        }
    }
    Ok(text.into_bytes())
}
