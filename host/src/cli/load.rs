//! `load FILE --into REDIS`: replaces the content of a Redis hash.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ccs_modules_host::files;
use ccs_modules_host::stores::{CheckedCatalog, RedisAddress};
use clap::Args;

use super::Failure;
use super::store::{AddressParser, redis};

/// The arguments of `load`.
#[derive(Args)]
pub struct Load {
    /// The body of `GET /v1/modules`; `-` for standard input.
    file: PathBuf,
    /// The hash: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY]`.
    #[arg(long, value_name = "REDIS", value_parser = AddressParser::<RedisAddress>::new())]
    into: RedisAddress,
    /// Report what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The timeout, long enough for a large catalog.
const TIME: Duration = Duration::from_secs(60);

/// Replaces the content of the store, if every document of the file is valid.
pub async fn run(arguments: &Load) -> Result<Vec<u8>, Failure> {
    let Load { file, into, dry_run } = arguments;
    let catalog = catalog(file)?;
    let redis = redis(into).within(TIME);
    let (done, changes) = if *dry_run {
        ("would write", redis.compare(&catalog).await?)
    } else {
        ("wrote", redis.replace(&catalog).await?)
    };
    let count = catalog.documents().len();
    let modules = if count == 1 { "module" } else { "modules" };
    Ok(format!("{done} {count} {modules} to {into}: {changes}\n").into_bytes())
}

fn catalog(file: &Path) -> Result<CheckedCatalog, Failure> {
    let (name, body) = if file == Path::new("-") {
        let mut body = Vec::new();
        io::stdin()
            .read_to_end(&mut body)
            .map_err(|error| Failure::Other(format!("cannot read standard input: {error}")))?;
        ("standard input".into(), body)
    } else {
        (file.display().to_string(), files::read(file).map_err(Failure::other)?)
    };
    CheckedCatalog::parse(&body).map_err(|error| Failure::Other(format!("{name}, {error}")))
}
