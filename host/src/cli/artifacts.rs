//! `artifacts DIR`: writes every WebAssembly file, its bill of materials, and the digests of all.

use std::fmt::Write;
use std::path::Path;

use ccs_modules_host::{artifacts, files};

use super::Failure;

/// The file of the digests, which `sha256sum --check` reads.
const DIGESTS: &str = "SHA256SUMS";

/// Writes every artifact into `dir` with its bill of materials, and the digests of all. Reports the
/// size, the digest and the imports of each artifact.
pub fn run(dir: &Path) -> Result<Vec<u8>, Failure> {
    files::create_folder(dir).map_err(Failure::other)?;
    let (mut text, mut digests) = (String::new(), String::new());
    for artifact in artifacts::all().map_err(Failure::other)? {
        let path = dir.join(artifact.name);
        write(&path, &artifact.wasm)?;
        write(&path.with_extension("cdx.json"), artifact.bill_of_materials().as_bytes())?;
        let digest = artifact.sha256();
        writeln!(digests, "{digest}  {}", artifact.name).map_err(Failure::other)?;

        writeln!(text, "{}\n  {}", path.display(), artifact.about).map_err(Failure::other)?;
        writeln!(text, "  size    {} bytes", artifact.wasm.len()).map_err(Failure::other)?;
        writeln!(text, "  sha256  {digest}").map_err(Failure::other)?;
        for import in artifact.imports().map_err(Failure::other)? {
            writeln!(text, "  import  {import}").map_err(Failure::other)?;
        }
    }
    write(&dir.join(DIGESTS), digests.as_bytes())?;
    Ok(text.into_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::write(path, bytes).map_err(Failure::other)
}
