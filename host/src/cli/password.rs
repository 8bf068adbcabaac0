//! `password NAME --role ROLE`: a user of an access policy, with a generated password.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use ccs_modules::access::Policy;
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Failure, terminal};

/// The arguments of `password`.
#[derive(Args)]
pub struct Password {
    /// The name of the user.
    name: String,
    /// A management role of the user, such as `db_viewer`. May be given more than once.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
}

/// Generates a password and shows it on standard error. Returns the user's entry for `users` of an
/// access policy, which contains only the digest of the password.
pub fn run(arguments: &Password) -> Result<Vec<u8>, Failure> {
    let Password { name, roles } = arguments;
    let password = generate()?;
    let entry = entry(name, &password, roles);
    policy(&entry)?;
    // Standard output may go into a file.
    let shown = terminal::escaped_line(name);
    writeln!(io::stderr(), "the password of {shown}, shown only here:\n  {password}")
        .map_err(|error| Failure::Other(format!("cannot show the password: {error}")))?;
    Ok(format!("{entry}\n").into_bytes())
}

/// Generates a password of 128 random bits.
pub fn generate() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Other(format!("cannot generate a password: {error}")))?;
    Ok(hex(&bytes))
}

/// Makes the entry of a user.
pub fn entry<R: AsRef<str>>(name: &str, password: &str, roles: &[R]) -> Value {
    let roles: Vec<_> = roles.iter().map(AsRef::as_ref).collect();
    json!({ "name": name, "password_sha256": hex(&Sha256::digest(password)), "roles": roles })
}

/// Makes the policy of this user alone.
pub fn policy(entry: &Value) -> Result<Policy, Failure> {
    Policy::parse(json!({ "users": [entry] }).to_string().as_bytes()).map_err(Failure::other)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
