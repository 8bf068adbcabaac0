//! The senders of requests to a server: who may read.

use std::net::SocketAddr;

use ccs_modules::access::Access;
use ccs_modules_host::server::{Authenticator, ClusterLogins};
use ccs_modules_host::stores::Cluster;

use super::listen::ListenAddress;
use crate::cli::{Failure, StoreAddress, password};

/// The way in which senders are found, and the generated credentials if there are some.
pub struct Callers {
    /// The way in which senders are found.
    pub authenticator: Authenticator,
    /// The generated credentials, `user:password`.
    pub generated: Option<String>,
}

impl Callers {
    /// Takes the policy of a file, or generates one for a single user. Without a file, a server must be
    /// reachable from this machine only.
    pub fn find(
        access: Option<Access>,
        store: &StoreAddress,
        listen: &ListenAddress,
        is_local: bool,
        sees_certificates: bool,
    ) -> Result<Self, Failure> {
        match access {
            Some(access) => {
                let authenticator = authenticator(access, store, sees_certificates)?;
                Ok(Self { authenticator, generated: None })
            }
            None if is_local => Self::generate(),
            None => Err(Failure::Other(format!(
                "{listen} is not a loopback address; an access policy is needed: --access FILE"
            ))),
        }
    }

    fn generate() -> Result<Self, Failure> {
        let password = password::generate()?;
        let policy = password::policy(&password::entry(USER, &password, &["admin"]))?;
        let generated = Some(format!("{USER}:{password}"));
        Ok(Self { authenticator: policy.into(), generated })
    }
}

/// Makes the authenticator. A policy `cluster` asks the cluster that is the store.
pub fn authenticator(
    access: Access,
    store: &StoreAddress,
    sees_certificates: bool,
) -> Result<Authenticator, Failure> {
    let options = match access {
        Access::Policy(policy) if policy.needs_certificates() && !sees_certificates => {
            let needed = "the access policy has subjects alone, which need --client-ca FILE";
            return Err(Failure::Other(needed.into()));
        }
        Access::Policy(policy) => return Ok(policy.into()),
        Access::Cluster(options) => options,
    };

    let StoreAddress::Cluster(address) = store else {
        let needed = "the access policy cluster needs a cluster, `--store https://NODE:9443`";
        return Err(Failure::Other(needed.into()));
    };

    let cluster = Cluster::new(address, None).map_err(Failure::other)?;
    ClusterLogins::new(cluster, options).map(Authenticator::Cluster).map_err(Failure::other)
}

/// Whether only this machine can reach the address.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

const USER: &str = "admin@localhost";
