//! A cluster as a store of the command line, and its credentials.

use std::env::{self, VarError};

use ccs_modules::upstream::Credentials;
use ccs_modules_host::CallLimits;
use ccs_modules_host::stores::{Cluster, ClusterAddress, read_credentials};

use super::Failure;

/// Makes a store of the cluster at this address, within these limits.
pub fn open(address: &ClusterAddress, limits: CallLimits) -> Result<Cluster, Failure> {
    let credentials = match address.credentials() {
        Some(path) => Some(read_credentials(path).map_err(Failure::other)?),
        None => credentials_of_environment()?,
    };
    let cluster = Cluster::new(address, credentials).map_err(Failure::other)?;
    Ok(cluster.within(limits.store_timeout).at_most(limits.store_bytes))
}

/// Reads the credentials from the environment, where other users do not see them. `redisctl` reads
/// the same variables.
fn credentials_of_environment() -> Result<Option<Credentials>, Failure> {
    const USER: &str = "REDIS_ENTERPRISE_USER";
    const PASSWORD: &str = "REDIS_ENTERPRISE_PASSWORD";
    let (set, missing) = match (variable(USER)?, variable(PASSWORD)?) {
        (Some(user), Some(password)) => {
            return Credentials::basic(&user, &password).map(Some).map_err(|error| {
                Failure::Other(format!("the variables {USER} and {PASSWORD}: {error}"))
            });
        }
        (None, None) => return Ok(None),
        (Some(_), None) => (USER, PASSWORD),
        (None, Some(_)) => (PASSWORD, USER),
    };
    Err(Failure::Other(format!("the variable {set} is set, and {missing} is not; set both")))
}

/// Reads a variable of the environment. One that is not UTF-8 is refused, and not taken for missing.
pub fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(Failure::Other(format!("the variable {name} is not UTF-8")))
        }
    }
}
