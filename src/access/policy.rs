//! The JSON of access policies.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use crate::config::{self, Error, Object};
use crate::{headers, roles};

/// The three forms of a policy.
#[derive(Clone)]
pub(super) enum Form {
    Anonymous(Vec<String>),
    TrustedHeader(String),
    Users(Vec<User>),
}

/// A user.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password_sha256: [u8; 32],
    pub(super) roles: Vec<String>,
}

/// The fields of a policy, of which exactly one is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, deserialize_with = "present")]
    anonymous: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    trusted_header: Option<String>,
    #[serde(default, deserialize_with = "present")]
    users: Option<Vec<Object<UserFields>>>,
}

/// The fields of a user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFields {
    name: String,
    password_sha256: String,
    roles: Vec<String>,
}

/// Reads a field that is there. Null is no way to leave it out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Form {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Error> {
        let Object(fields) = config::parse::<Object<Fields>>(text)?;
        match (fields.anonymous, fields.trusted_header, fields.users) {
            (Some(roles), None, None) => existing("anonymous", roles).map(Self::Anonymous),
            (None, Some(name), None) => field_name(name).map(Self::TrustedHeader),
            (None, None, Some(users)) => self::users(users).map(Self::Users),
            _ => Err(refused(
                "",
                "expected exactly one of the fields users, trusted_header and anonymous",
            )),
        }
    }
}

fn field_name(name: String) -> Result<String, Error> {
    if headers::is_name(&name) {
        return Ok(name);
    }
    Err(refused("trusted_header", "expected the name of a header field"))
}

fn users(found: Vec<Object<UserFields>>) -> Result<Vec<User>, Error> {
    if found.is_empty() {
        return Err(refused("users", "empty, nobody could authenticate"));
    }
    let mut users: Vec<User> = Vec::with_capacity(found.len());
    for (index, Object(fields)) in found.into_iter().enumerate() {
        let path = |field: &str| format!("users[{index}].{field}");
        let UserFields { name, password_sha256, roles } = fields;
        if name.is_empty() || name.contains(':') {
            let reason = "expected a name, not empty and without a colon (RFC 7617, section 2)";
            return Err(refused(&path("name"), reason));
        }
        if users.iter().any(|earlier| earlier.name == name) {
            return Err(refused(&path("name"), "the name of an earlier user"));
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(password_sha256, &mut digest).map_err(|_| {
            let reason = "expected the 64 hexadecimal digits of a SHA-256";
            refused(&path("password_sha256"), reason)
        })?;
        let roles = existing(&path("roles"), roles)?;
        users.push(User { name, password_sha256: digest, roles });
    }
    Ok(users)
}

/// Returns the roles if each of them exists.
fn existing(path: &str, roles: Vec<String>) -> Result<Vec<String>, Error> {
    let unknown = |role: &String| !roles::ALL.contains(&role.as_str());
    let Some((index, role)) = roles.iter().enumerate().find(|(_, role)| unknown(role)) else {
        return Ok(roles);
    };
    let role: String = role.escape_debug().take(64).collect();
    let known = roles::ALL.join(", ");
    let reason = format!("there is no role \"{role}\", expected {known}");
    Err(refused(&format!("{path}[{index}]"), &reason))
}

fn refused(field: &str, reason: &str) -> Error {
    Error::new(field, reason)
}
