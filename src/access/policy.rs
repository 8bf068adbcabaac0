//! The JSON of access policies.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use crate::config::Object;
use crate::{headers, roles};

/// The three forms of a policy.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Object<Fields>")]
pub(super) enum Form {
    Anonymous(Vec<Role>),
    TrustedHeader(String),
    Users(Vec<User>),
}

/// The fields of a policy, of which exactly one is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, deserialize_with = "present")]
    anonymous: Option<Vec<Role>>,
    #[serde(default, deserialize_with = "present")]
    trusted_header: Option<HeaderName>,
    #[serde(default, deserialize_with = "present")]
    users: Option<Users>,
}

impl TryFrom<Object<Fields>> for Form {
    type Error = &'static str;

    fn try_from(Object(fields): Object<Fields>) -> Result<Self, Self::Error> {
        match (fields.anonymous, fields.trusted_header, fields.users) {
            (Some(roles), None, None) => Ok(Self::Anonymous(roles)),
            (None, Some(name), None) => Ok(Self::TrustedHeader(name.0)),
            (None, None, Some(users)) => Ok(Self::Users(users.0)),
            _ => Err("expected exactly one of the fields users, trusted_header and anonymous"),
        }
    }
}

/// Reads a field that is there. Null is no way to leave it out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A role that exists.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Role(pub(super) String);

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if roles::ALL.contains(&name.as_str()) {
            return Ok(Self(name));
        }
        let found: String = name.escape_debug().take(64).collect();
        Err(format!("there is no role \"{found}\", expected {}", roles::ALL.join(", ")))
    }
}

/// The name of a header field.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct HeaderName(String);

impl TryFrom<String> for HeaderName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if headers::is_name(&name) {
            Ok(Self(name))
        } else {
            Err("expected the name of a header field")
        }
    }
}

/// Users with names of their own.
#[derive(Deserialize)]
#[serde(try_from = "Vec<Object<User>>")]
struct Users(Vec<User>);

impl TryFrom<Vec<Object<User>>> for Users {
    type Error = String;

    fn try_from(objects: Vec<Object<User>>) -> Result<Self, String> {
        let mut users: Vec<User> = Vec::new();
        for (index, Object(user)) in objects.into_iter().enumerate() {
            if users.iter().any(|earlier| earlier.name.0 == user.name.0) {
                return Err(format!("the user at index {index} has the name of an earlier one"));
            }
            users.push(user);
        }
        if users.is_empty() {
            return Err("empty, nobody could authenticate".to_owned());
        }
        Ok(Self(users))
    }
}

/// A user.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: UserName,
    pub(super) password_sha256: PasswordDigest,
    pub(super) roles: Vec<Role>,
}

/// The name of a user.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct UserName(pub(super) String);

impl TryFrom<String> for UserName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.contains(':') {
            return Err("expected a name, not empty and without a colon (RFC 7617, section 2)");
        }
        Ok(Self(name))
    }
}

/// The SHA-256 digest of a password.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PasswordDigest(pub(super) [u8; 32]);

impl TryFrom<String> for PasswordDigest {
    type Error = &'static str;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest)
            .map_err(|_| "expected the 64 hexadecimal digits of a SHA-256")?;
        Ok(Self(digest))
    }
}
