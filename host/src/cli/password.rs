//! `password NAME --role ROLE`: a user of an access policy.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ccs_modules::access::{Access, Policy};
use ccs_modules_host::files;
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
    /// Takes the password from the first line of standard input. Without this, one is generated and shown.
    #[arg(long)]
    stdin: bool,
    /// Puts the user into this access policy instead of printing the entry. The file is created if it is
    /// missing. A user who is in it keeps the old password too, until you remove the old entry.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

/// Makes a user's entry for `users` of an access policy, and returns it or puts it into a file. The entry
/// contains only the digest of the password. A generated password is shown on standard error.
pub fn run(arguments: &Password) -> Result<Vec<u8>, Failure> {
    let Password { name, roles, stdin, into } = arguments;
    let password = if *stdin { read()? } else { generate()? };
    let entry = entry(name, &password, roles);
    policy(&entry)?;

    // Standard output may go into a file.
    if !stdin {
        let shown = terminal::escaped_line(name);
        writeln!(io::stderr(), "the password of {shown}, shown only here:\n  {password}")
            .map_err(|error| Failure::Other(format!("cannot show the password: {error}")))?;
    }
    match into {
        Some(file) => put(file, entry).map(|()| Vec::new()),
        None => Ok(format!("{entry}\n").into_bytes()),
    }
}

/// Reads the password from standard input.
fn read() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::Other(format!("cannot read the password: {error}")))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Other("standard input has no password in its first line".into())),
        password => Ok(password.to_owned()),
    }
}

/// Adds the entry to the users of a policy. An invalid policy is not written.
fn put(file: &Path, entry: Value) -> Result<(), Failure> {
    let failed = |reason: &dyn Display| {
        Failure::Other(format!("the access policy {}: {reason}", file.display()))
    };
    let mut policy = match files::read(file) {
        Ok(text) => {
            Access::parse(&text).map_err(|error| failed(&error))?;
            serde_json::from_slice(&text).map_err(|error| failed(&error))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => json!({ "users": [] }),
        Err(error) => return Err(Failure::other(error)),
    };

    let Some(users) = policy.get_mut("users").and_then(Value::as_array_mut) else {
        return Err(failed(&"it has no users, and a password is for users"));
    };
    users.push(entry);

    let text = format!("{policy:#}\n");
    Access::parse(text.as_bytes()).map_err(|error| failed(&error))?;
    files::write_private(file, text.as_bytes()).map_err(Failure::other)
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
