//! `export --store STORE`: the way back from `load`.

use std::path::{Path, PathBuf};
use std::{fs, io, process};

use clap::Args;

use super::{Failure, StoreAddress, service};

/// What to export, and where to.
#[derive(Args)]
pub struct Export {
    /// The store, as for `list`.
    #[arg(long, value_name = "STORE")]
    store: StoreAddress,
    /// The file to write. It is replaced as a whole. Standard output where it is left out.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The body that `GET /v1/modules` answers over the store.
pub async fn run(arguments: &Export) -> Result<Vec<u8>, Failure> {
    let service = service::open(&arguments.store).await?;
    let body = service::body(&service, "/v1/modules".into(), &["admin".into()]).await?;
    let Some(path) = &arguments.output else {
        return Ok(body);
    };
    replace(path, &body)
        .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))?;
    Ok(format!("{}: {} bytes\n", path.display(), body.len()).into_bytes())
}

/// Whoever reads the file meanwhile reads all of the old or all of the new.
fn replace(path: &Path, body: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension(format!("{}.new", process::id()));
    let replaced = fs::write(&new, body).and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        // Where it was not even made there is nothing to remove.
        let _ = fs::remove_file(&new);
    }
    replaced
}
