//! `load CATALOG --into REDIS`: replaces the content of a Redis hash.

use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::stores::RedisAddress;
use clap::Args;

use super::catalog_source::CatalogSource;
use super::store::{AddressParser, redis};
use super::{Failure, TimeOption};

/// The arguments of `load`.
#[derive(Args)]
pub struct Load {
    /// The catalog: a file with the body of `GET /v1/modules`, `-` for standard input, or a cluster,
    /// `https://NODE:9443`, as for `list`.
    #[arg(value_parser = AddressParser::<CatalogSource>::new())]
    catalog: CatalogSource,
    /// The hash: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY]`, over TLS with
    /// `rediss` and `ca=PATH`.
    #[arg(long, value_name = "REDIS", value_parser = AddressParser::<RedisAddress>::new())]
    into: RedisAddress,
    /// Report what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Permit an empty list to replace one that is not empty.
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    time: TimeOption,
}

/// Replaces the content of the store, if every document of the catalog is valid.
pub async fn run(arguments: &Load) -> Result<Vec<u8>, Failure> {
    let Load { catalog, into, dry_run, allow_empty, time } = arguments;
    let body = catalog.read(*time).await?;
    let catalog = Snapshot::parse(&body, &Limits::default())
        .map_err(|error| Failure::Other(format!("{catalog}, {error}")))?;

    let redis = redis(into)?.within(time.timeout.0);
    let redis = if *allow_empty { redis.allow_empty() } else { redis };
    let (done, changes) = if *dry_run {
        ("would write", redis.compare(&catalog).await?)
    } else {
        ("wrote", redis.replace(&catalog).await?)
    };

    let count = catalog.len();
    let modules = if count == 1 { "module" } else { "modules" };
    let mut text = format!("{done} {count} {modules} to {into}: {changes}\n");
    if count == 0 && !dry_run {
        text += "the key is gone: readers need missing=empty in the address of the store\n";
    }
    Ok(text.into_bytes())
}
