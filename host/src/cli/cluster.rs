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
/// the user and the password from the same variables.
fn credentials_of_environment() -> Result<Option<Credentials>, Failure> {
    const USER: &str = "REDIS_ENTERPRISE_USER";
    const PASSWORD: &str = "REDIS_ENTERPRISE_PASSWORD";
    const TOKEN: &str = "REDIS_ENTERPRISE_TOKEN";
    let credentials = match (variable(USER)?, variable(PASSWORD)?, variable(TOKEN)?) {
        (None, None, None) => return Ok(None),
        (Some(user), Some(password), None) => Credentials::basic(&user, &password),
        (None, None, Some(token)) => Credentials::bearer(&token),
        _ => {
            return Err(Failure::Other(format!(
                "of the variables {USER}, {PASSWORD} and {TOKEN}, set the first two, or the last one alone"
            )));
        }
    };
    let failed = |error| Failure::Other(format!("the variables of the cluster: {error}"));
    credentials.map(Some).map_err(failed)
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
