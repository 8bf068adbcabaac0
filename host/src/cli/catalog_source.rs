//! The catalog that a command reads once.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ccs_modules_host::stores::{ClusterAddress, ClusterAddressError};
use ccs_modules_host::{CallLimits, files};

use super::{Failure, cluster};

/// The source of a catalog, the body of `GET /v1/modules`.
#[derive(Clone, Debug)]
pub enum CatalogSource {
    /// A cluster, which is asked for it.
    Cluster(ClusterAddress),
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

/// The timeout of a cluster, long enough for a large catalog.
const TIME: Duration = Duration::from_secs(60);

impl CatalogSource {
    /// Reads the body.
    pub async fn read(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Cluster(address) => {
                let limits = CallLimits { store_timeout: TIME, ..CallLimits::default() };
                Ok(cluster::open(address, limits)?.body().await?)
            }
            Self::File(path) => files::read(path).map_err(Failure::other),
            Self::StandardInput => {
                let mut body = Vec::new();
                io::stdin()
                    .read_to_end(&mut body)
                    .map_err(|error| Failure::Other(format!("cannot read {self}: {error}")))?;
                Ok(body)
            }
        }
    }
}

impl FromStr for CatalogSource {
    type Err = ClusterAddressError;

    fn from_str(text: &str) -> Result<Self, ClusterAddressError> {
        match text {
            "-" => Ok(Self::StandardInput),
            _ if text.starts_with("https:") || text.starts_with("http:") => {
                text.parse().map(Self::Cluster)
            }
            _ => Ok(Self::File(Path::new(text).into())),
        }
    }
}

impl fmt::Display for CatalogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(address) => address.fmt(f),
            Self::File(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
        }
    }
}
