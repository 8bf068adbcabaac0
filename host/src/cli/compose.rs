//! `compose FRONT STORE -o FILE`: an artifact with a store in front of its import `ccs`.

use std::path::PathBuf;

use ccs_modules_host::compose::compose;
use ccs_modules_host::files;
use clap::Args;

use super::Failure;

/// The two components, and the path of the result.
#[derive(Args)]
pub struct Compose {
    /// The component that imports `ccs`, such as `ccs_modules_wasi_http.wasm`.
    front: PathBuf,
    /// The component that exports `ccs`: a store of this project, or one of your own.
    store: PathBuf,
    /// The path of the composed component.
    #[arg(short, value_name = "FILE")]
    output: PathBuf,
}

/// Composes the two components, writes the result and returns a line about it.
pub fn run(arguments: &Compose) -> Result<Vec<u8>, Failure> {
    let Compose { front, store, output } = arguments;
    let read = |path| files::read(path).map_err(Failure::other);
    let wasm = compose(&read(front)?, &read(store)?).map_err(|error| {
        Failure::Other(format!("{error} ({} over {})", front.display(), store.display()))
    })?;
    files::write(output, &wasm).map_err(Failure::other)?;
    Ok(format!("{}: {} bytes\n", output.display(), wasm.len()).into_bytes())
}
