//! The JSON of access policies.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use crate::access::trusted_header::TrustedHeader;
use crate::access::{Access, LoginOptions, Policy};
use crate::{headers, roles};

/// The forms of a policy.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Fields")]
pub(super) enum Form {
    Anonymous(Vec<Role>),
    TrustedHeader(TrustedHeader),
    Known(Known),
}

/// Callers who are known by their passwords, by the subjects of their certificates, or by either.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) users: Option<Users>,
    pub(super) subjects: Option<Subjects>,
}

/// The members of a policy's object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    anonymous: Option<Vec<Role>>,
    trusted_header: Option<HeaderName>,
    map: Option<BTreeMap<String, Vec<Role>>>,
    users: Option<Users>,
    subjects: Option<Subjects>,
    cluster: Option<LoginOptions>,
}

impl TryFrom<Fields> for Access {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { anonymous, trusted_header, map, users, subjects, cluster } = fields;
        if map.is_some() && trusted_header.is_none() {
            return Err("map: expected with trusted_header only");
        }
        let known = (users.is_some() || subjects.is_some()).then_some(Known { users, subjects });

        let form = match (anonymous, trusted_header, known, cluster) {
            (None, None, None, Some(options)) => return Ok(Self::Cluster(options)),
            (Some(roles), None, None, None) => Form::Anonymous(roles),
            (None, Some(HeaderName(name)), None, None) => {
                Form::TrustedHeader(TrustedHeader { name, map })
            }
            (None, None, Some(known), None) => Form::Known(known),
            _ => {
                return Err(
                    "expected exactly one of anonymous, trusted_header, users, subjects, cluster; \
                     users and subjects may be together",
                );
            }
        };
        Ok(Self::Policy(Policy(form)))
    }
}

impl TryFrom<Fields> for Form {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match Access::try_from(fields)? {
            Access::Policy(policy) if policy.needs_certificates() => {
                Err("subjects: this host cannot see the certificates of clients; serve with \
                     --client-ca can. Use trusted_header, or add users")
            }
            Access::Policy(Policy(form)) => Ok(form),
            Access::Cluster(_) => {
                Err("cluster: this host cannot ask a cluster who is calling; serve and the \
                     Envoy filter can. Use trusted_header or users")
            }
        }
    }
}

/// A management role that exists.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Role(pub(super) String);

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(role: String) -> Result<Self, String> {
        let exists = roles::ALL.contains(&role.as_str());
        exists
            .then_some(Self(role))
            .ok_or_else(|| format!("expected one of {}", roles::ALL.join(", ")))
    }
}

/// The name of a header field.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HeaderName(pub(super) String);

impl TryFrom<String> for HeaderName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        headers::is_name(&name).then_some(Self(name)).ok_or("expected the name of a header field")
    }
}

/// Users, at least one. Two entries of one name are two passwords, of which either is right: so a password
/// can be replaced without a gap.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Vec<User>")]
pub(super) struct Users(pub(super) Vec<User>);

impl TryFrom<Vec<User>> for Users {
    type Error = String;

    fn try_from(users: Vec<User>) -> Result<Self, String> {
        if users.is_empty() {
            return Err("empty, nobody could authenticate".into());
        }
        let mut found = BTreeSet::new();
        let entries = users.iter().map(|user| (&user.name.0, &user.password_sha256.0));
        if let Some(index) = entries.map(|entry| found.insert(entry)).position(|is_new| !is_new) {
            return Err(format!(
                "the user at index {index} has the name and the password of an earlier one"
            ));
        }
        Ok(Self(users))
    }
}

/// The roles by the subject of a client certificate, at least one.
#[derive(Clone, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<Role>>")]
pub(super) struct Subjects(pub(super) BTreeMap<String, Vec<Role>>);

impl TryFrom<BTreeMap<String, Vec<Role>>> for Subjects {
    type Error = &'static str;

    fn try_from(subjects: BTreeMap<String, Vec<Role>>) -> Result<Self, Self::Error> {
        if subjects.is_empty() {
            return Err("empty, nobody could authenticate");
        }
        let valid = subjects.keys().all(|subject| is_subject(subject));
        valid
            .then_some(Self(subjects))
            .ok_or("expected subjects as RFC 4514 writes them, such as CN=ann,O=example")
    }
}

/// Whether a text looks like a subject in the form of RFC 4514. The forms with spaces or slashes, which some
/// programs show, would never be found.
fn is_subject(text: &str) -> bool {
    let mut is_escaped = false;
    let separates = |c: char| {
        let separates = !is_escaped && matches!(c, ',' | '+');
        is_escaped = !is_escaped && c == '\\';
        separates
    };

    text.split(separates).all(|attribute| {
        attribute.split_once('=').is_some_and(|(kind, value)| {
            let is_kind = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
            !kind.is_empty() && kind.bytes().all(is_kind) && !value.starts_with(' ')
        })
    })
}

/// A user, with the digest of the password.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: UserName,
    pub(super) password_sha256: Digest,
    pub(super) roles: Vec<Role>,
}

/// The name of a user that HTTP Basic can carry (RFC 7617, section 2).
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UserName(pub(crate) String);

impl TryFrom<String> for UserName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let valid = !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_control());
        let expected = "expected a name, not empty, without colons and control characters";
        valid.then_some(Self(name)).ok_or(expected)
    }
}

/// A SHA-256 digest in hexadecimal, in lower case.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Digest(pub(super) String);

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let valid = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let digest = Self(digits.to_ascii_lowercase());
        valid.then_some(digest).ok_or("expected the 64 hexadecimal digits of a SHA-256")
    }
}
