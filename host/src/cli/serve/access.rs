//! Who may call a server.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use ccs_modules::access::Policy;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cli::Failure;

/// The policy, and what nobody knows yet who it admits.
pub struct Access {
    /// Who may call.
    pub policy: Policy,
    /// The credentials that were made up, `user:password`.
    pub made_up: Option<String>,
}

impl Access {
    /// The policy of the file, or one for a single user whose password is made up here. Without a
    /// file, a server must not be reachable from elsewhere.
    pub fn find(file: Option<&Path>, listen: SocketAddr) -> Result<Self, Failure> {
        match file {
            Some(path) => Ok(Self { policy: read(path)?, made_up: None }),
            None if is_loopback(listen) => Self::make_up(),
            None => Err(Failure::Other(format!(
                "{listen} is not a loopback address: --access FILE must say who may call"
            ))),
        }
    }

    fn make_up() -> Result<Self, Failure> {
        let password = hex(&random()?);
        let policy = json!({"users": [{
            "name": USER,
            "password_sha256": hex(&Sha256::digest(&password)),
            "roles": ["admin"],
        }]});
        let policy = Policy::parse(policy.to_string().as_bytes()).map_err(Failure::other)?;
        Ok(Self { policy, made_up: Some(format!("{USER}:{password}")) })
    }
}

/// Whether only this machine can reach it.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

const USER: &str = "admin@localhost";

fn read(path: &Path) -> Result<Policy, Failure> {
    let text = fs::read(path)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", path.display())))?;
    Policy::parse(&text).map_err(|error| Failure::Other(format!("{}: {error}", path.display())))
}

/// Enough that nobody guesses it.
fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Other(format!("no random numbers for a password: {error}")))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
