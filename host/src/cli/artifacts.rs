//! `artifacts DIR`: writes every WebAssembly file, its bill of materials, and the digests of all.

use std::fmt::Write;
use std::path::Path;

use ccs_modules_host::{artifacts, files};

use super::{Failure, output};

/// The file of the digests, which `sha256sum --check` reads.
const DIGESTS: &str = "SHA256SUMS";

/// Writes every artifact into `dir` with its bill of materials, and the digests of all. Reports the
/// size of each artifact, and what it is.
pub fn run(dir: &Path) -> Result<Vec<u8>, Failure> {
    files::create_folder(dir).map_err(Failure::other)?;
    let mut digests = String::new();
    let mut table = output::table();
    for artifact in artifacts::all().map_err(Failure::other)? {
        let path = dir.join(artifact.name);
        write(&path, &artifact.wasm)?;
        write(&path.with_extension("cdx.json"), artifact.bill_of_materials().as_bytes())?;
        writeln!(digests, "{}  {}", artifact.sha256(), artifact.name).map_err(Failure::other)?;
        let size = format!("{} bytes", artifact.wasm.len());
        table.add_row([artifact.name, &size, artifact.about]);
    }
    write(&dir.join(DIGESTS), digests.as_bytes())?;
    Ok(output::text(&table))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::write(path, bytes).map_err(Failure::other)
}
