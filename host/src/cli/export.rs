//! `export --store STORE`: writes the content of a store as a file that `load` reads.

use std::path::PathBuf;

use ccs_modules_host::files;
use clap::Args;

use super::{Failure, StoreAddress, TimeOption, service};

/// The arguments of `export`.
#[derive(Args)]
pub struct Export {
    /// The store, see `ccs-modules help stores`.
    #[arg(long, value_name = "STORE")]
    store: StoreAddress,
    /// The file to write; it is replaced as a whole and keeps its mode. Default: standard output.
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    time: TimeOption,
}

/// Exports the body of `GET /v1/modules` over the store.
pub async fn run(arguments: &Export) -> Result<Vec<u8>, Failure> {
    let service = service::open(&arguments.store, arguments.time).await?;
    let body = service::body(&service, "/v1/modules".into(), &["admin".into()]).await?;
    let Some(path) = &arguments.output else {
        return Ok(body);
    };
    files::write(path, &body).map_err(Failure::other)?;
    Ok(format!("{}: {} bytes\n", path.display(), body.len()).into_bytes())
}
