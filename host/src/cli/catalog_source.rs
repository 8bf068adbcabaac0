//! The catalog that a command reads once.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ccs_modules_host::stores::{ClusterAddress, ClusterAddressError};
use ccs_modules_host::{CallLimits, files};

use super::{Failure, TimeOption, cluster};

/// The source of a catalog, the body of `GET /v1/modules`.
#[derive(Clone, Debug)]
pub enum CatalogSource {
    /// A cluster, which is asked for its list.
    Cluster(ClusterAddress),
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

impl CatalogSource {
    /// Reads the body.
    pub async fn read(&self, time: TimeOption) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Cluster(address) => {
                let limits = CallLimits { store_timeout: time.timeout.0, ..CallLimits::default() };
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
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_lowercase());
        match (text, scheme.as_deref()) {
            ("-", _) => Ok(Self::StandardInput),
            (_, Some("http" | "https")) => text.parse().map(Self::Cluster),
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
