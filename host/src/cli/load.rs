//! `load FILE --into REDIS`: fills a store.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ccs_modules_host::stores::{Catalogue, RedisAddress};
use clap::Args;

use super::Failure;
use super::store::{Discreet, redis};

/// What to load, and where to.
#[derive(Args)]
pub struct Load {
    /// The body of `GET /v1/modules`; `-` for standard input.
    file: PathBuf,
    /// The hash: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY]`.
    #[arg(long, value_name = "REDIS", value_parser = Discreet::<RedisAddress>::new())]
    into: RedisAddress,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A catalogue may be large, and nobody else waits.
const TIME: Duration = Duration::from_secs(60);

/// Replaces all that the store holds, if all that the file holds is sound.
pub async fn run(arguments: &Load) -> Result<Vec<u8>, Failure> {
    let Load { file, into, dry_run } = arguments;
    let catalogue = catalogue(file)?;
    let redis = redis(into).within(TIME);
    let (done, changes) = if *dry_run {
        ("would write", redis.compare(&catalogue).await?)
    } else {
        ("wrote", redis.replace(&catalogue).await?)
    };
    let count = catalogue.documents().len();
    let modules = if count == 1 { "module" } else { "modules" };
    Ok(format!("{done} {count} {modules} to {into}: {changes}\n").into_bytes())
}

fn catalogue(file: &Path) -> Result<Catalogue, Failure> {
    let (name, body) = if file == Path::new("-") {
        let mut body = Vec::new();
        ("standard input".into(), io::stdin().read_to_end(&mut body).map(|_| body))
    } else {
        (file.display().to_string(), fs::read(file))
    };
    let body = body.map_err(|error| Failure::Other(format!("cannot read {name}: {error}")))?;
    Catalogue::parse(&body).map_err(|error| Failure::Other(format!("{name}, {error}")))
}
