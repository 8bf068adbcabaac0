//! `bake CATALOG -o OUT`: makes an HTTP service that contains its catalog.

use std::path::PathBuf;

use ccs_modules_host::bake::bake;
use ccs_modules_host::{artifacts, files};
use clap::{Args, ValueEnum};

use super::catalog_source::CatalogSource;
use super::store::AddressParser;
use super::{Failure, TimeOption};

/// The arguments of `bake`.
#[derive(Args)]
pub struct Bake {
    /// The catalog, as for `load`.
    #[arg(value_parser = AddressParser::<CatalogSource>::new())]
    catalog: CatalogSource,
    /// The component to write.
    #[arg(short, value_name = "FILE")]
    output: PathBuf,
    /// The version of WASI that the component runs on.
    #[arg(long, value_enum, default_value_t)]
    wasi: Wasi,
    #[command(flatten)]
    time: TimeOption,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Wasi {
    /// WASI 0.2, which most hosts have.
    #[default]
    #[value(name = "0.2")]
    P2,
    /// WASI 0.3.
    #[value(name = "0.3")]
    P3,
}

/// Bakes the component, writes it, and reports its size.
pub async fn run(arguments: &Bake) -> Result<Vec<u8>, Failure> {
    let body = arguments.catalog.read(arguments.time).await?;
    let service = match arguments.wasi {
        Wasi::P2 => &artifacts::WASI_HTTP_BAKED,
        Wasi::P3 => &artifacts::WASI_HTTP_P3_BAKED,
    };
    let baked = bake(&service.wasm, &body)
        .map_err(|error| Failure::Other(format!("{}: {error}", arguments.catalog)))?;
    let output = &arguments.output;
    files::write(output, &baked.wasm).map_err(Failure::other)?;

    let (bytes, modules) = (baked.wasm.len(), baked.catalog.len());
    Ok(format!("{}: {bytes} bytes, with {modules} modules\n", output.display()).into_bytes())
}
