//! The access policy of a server.

use std::net::SocketAddr;

use ccs_modules::access::Policy;

use super::listen::ListenAddress;
use crate::cli::{Failure, password};

/// An access policy, and the generated credentials if there are some.
pub struct Access {
    /// The policy.
    pub policy: Policy,
    /// The generated credentials, `user:password`.
    pub generated: Option<String>,
}

impl Access {
    /// Takes the policy of a file, or generates one for a single user. Without a file, a server must be
    /// reachable from this machine only.
    pub fn find(
        policy: Option<Policy>,
        listen: &ListenAddress,
        is_local: bool,
    ) -> Result<Self, Failure> {
        match policy {
            Some(policy) => Ok(Self { policy, generated: None }),
            None if is_local => Self::generate(),
            None => Err(Failure::Other(format!(
                "{listen} is not a loopback address; an access policy is needed: --access FILE"
            ))),
        }
    }

    fn generate() -> Result<Self, Failure> {
        let password = password::generate()?;
        let policy = password::policy(&password::entry(USER, &password, &["admin"]))?;
        Ok(Self { policy, generated: Some(format!("{USER}:{password}")) })
    }
}

/// Whether only this machine can reach the address.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

const USER: &str = "admin@localhost";
