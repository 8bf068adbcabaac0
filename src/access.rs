//! Who may do what: management roles, and access policies for shells that face a network.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::headers;
use crate::json::{self, Kind};

/// How a shell that faces a network finds out who is calling: parsed from JSON, one of
///
/// - `{"users":[{"name":"ann","password_sha256":"<64 hex digits>","roles":["db_viewer"]}]}`: HTTP
///   Basic (RFC 7617), against the SHA-256 digests of the passwords;
/// - `{"trusted_header":"x-roles"}`: the roles, comma separated, in a header that an authenticating
///   proxy in front sets, and removes from what clients send;
/// - `{"anonymous":["db_viewer"]}`: everybody has these roles.
///
/// A shell without a policy lets nobody in.
///
/// ```
/// use ccs_modules::access::Policy;
///
/// let policy = Policy::parse(br#"{"trusted_header":"x-roles"}"#)?;
/// let headers = [("X-Roles".to_string(), b"db_viewer, admin".to_vec())];
/// assert_eq!(policy.roles(&headers), Some(vec!["db_viewer".to_string(), "admin".to_string()]));
/// assert_eq!(policy.roles(&[]), None);
/// # Ok::<(), ccs_modules::access::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct Policy(Kinds);

#[derive(Clone)]
enum Kinds {
    Anonymous(Vec<String>),
    TrustedHeader(String),
    Users(Vec<User>),
}

#[derive(Clone)]
struct User {
    name: String,
    password_sha256: [u8; 32],
    roles: Vec<String>,
}

impl Policy {
    /// Parses a policy.
    ///
    /// # Errors
    ///
    /// Where the text is not JSON or not one of the three forms: [`PolicyError`] names the field
    /// and never shows a value.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        const DEPTH: usize = 8;
        let text = json::decode(text)
            .and_then(|text| json::rewrite(text, DEPTH, &[], &mut []))
            .map_err(|error| PolicyError::new("policy", format!("{error}")))?;
        let members = object("policy", &text)?;
        let [(form, value)] = members.as_slice() else {
            return Err(PolicyError::new("policy", EXPECTED_FORM));
        };
        match form.as_ref() {
            "anonymous" => strings("anonymous", value).map(Kinds::Anonymous),
            "trusted_header" => trusted_header(value).map(Kinds::TrustedHeader),
            "users" => users(value).map(Kinds::Users),
            _ => Err(PolicyError::new("policy", EXPECTED_FORM)),
        }
        .map(Self)
    }

    /// The roles of whoever sent these headers; none if they are not authenticated.
    pub fn roles(&self, headers: &[(String, Vec<u8>)]) -> Option<Vec<String>> {
        match &self.0 {
            Kinds::Anonymous(roles) => Some(roles.clone()),
            Kinds::TrustedHeader(name) => {
                let roles = core::str::from_utf8(headers::single(headers, name)?).ok()?;
                let roles = roles.split(',').map(str::trim).filter(|role| !role.is_empty());
                Some(roles.map(String::from).collect())
            }
            Kinds::Users(users) => {
                let (name, password) =
                    basic_credentials(headers::single(headers, "authorization")?)?;
                authenticate(users, &name, &password).map(|user| user.roles.clone())
            }
        }
    }
}

impl fmt::Debug for Policy {
    /// Shows the form only: digests of weak passwords can be reversed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kinds::Anonymous(_) => "Policy(anonymous)",
            Kinds::TrustedHeader(_) => "Policy(trusted_header)",
            Kinds::Users(_) => "Policy(users)",
        })
    }
}

/// Why a text is no access policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyError {
    /// The field at fault, such as `users[0].roles`.
    pub field: String,
    /// What was found, and what should be there. Never the value itself.
    pub reason: Cow<'static, str>,
}

impl PolicyError {
    fn new(field: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl core::error::Error for PolicyError {}

const EXPECTED_FORM: &str =
    "expected exactly one of the fields \"users\", \"trusted_header\" and \"anonymous\"";

fn users(array: &str) -> Result<Vec<User>, PolicyError> {
    let mut users: Vec<User> = Vec::new();
    for (index, text) in elements("users", array)?.into_iter().enumerate() {
        let field = |name: &str| format!("users[{index}].{name}");
        let (mut name, mut password_sha256, mut roles) = (None, None, None);
        for (key, value) in object(&format!("users[{index}]"), text)? {
            match key.as_ref() {
                "name" => name = Some(string(&field("name"), value)?),
                "password_sha256" => {
                    password_sha256 = Some(digest(&field("password_sha256"), value)?);
                }
                "roles" => roles = Some(strings(&field("roles"), value)?),
                _ => {
                    return Err(PolicyError::new(
                        format!("users[{index}]"),
                        "a field other than \"name\", \"password_sha256\" and \"roles\"",
                    ));
                }
            }
        }
        let missing = |name| PolicyError::new(field(name), "missing");
        let name = name.ok_or_else(|| missing("name"))?;
        if name.is_empty() || name.contains(':') {
            let reason = "expected a name, not empty and without a colon (RFC 7617, section 2)";
            return Err(PolicyError::new(field("name"), reason));
        }
        if users.iter().any(|user| user.name == name) {
            return Err(PolicyError::new(field("name"), "the name of an earlier user"));
        }
        users.push(User {
            name: name.into_owned(),
            password_sha256: password_sha256.ok_or_else(|| missing("password_sha256"))?,
            roles: roles.ok_or_else(|| missing("roles"))?,
        });
    }
    if users.is_empty() {
        return Err(PolicyError::new("users", "empty, nobody could authenticate"));
    }
    Ok(users)
}

fn digest(field: &str, value: &str) -> Result<[u8; 32], PolicyError> {
    let digits = string(field, value)?;
    let expected = || PolicyError::new(field, "expected the 64 hexadecimal digits of a SHA-256");
    let mut digest = [0; 32];
    if digits.len() != 2 * digest.len() {
        return Err(expected());
    }
    for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let nibble = |digit: Option<&u8>| digit.and_then(|&digit| char::from(digit).to_digit(16));
        let (high, low) = (nibble(pair.first()), nibble(pair.last()));
        let (Some(high), Some(low)) = (high, low) else { return Err(expected()) };
        *byte = u8::try_from(high * 16 + low).map_err(|_| expected())?;
    }
    Ok(digest)
}

fn trusted_header(value: &str) -> Result<String, PolicyError> {
    let name = string("trusted_header", value)?;
    if !headers::is_name(&name) {
        return Err(PolicyError::new("trusted_header", "expected the name of a header"));
    }
    Ok(name.into_owned())
}

fn strings(field: &str, value: &str) -> Result<Vec<String>, PolicyError> {
    let elements = elements(field, value)?.into_iter().enumerate();
    elements
        .map(|(index, value)| string(&format!("{field}[{index}]"), value).map(Cow::into_owned))
        .collect()
}

fn object<'a>(field: &str, value: &'a str) -> Result<Vec<(Cow<'a, str>, &'a str)>, PolicyError> {
    expect(field, value, Kind::Object).map(json::members)
}

fn elements<'a>(field: &str, value: &'a str) -> Result<Vec<&'a str>, PolicyError> {
    expect(field, value, Kind::Array).map(|array| json::elements(array).unwrap_or_default())
}

fn string<'a>(field: &str, value: &'a str) -> Result<Cow<'a, str>, PolicyError> {
    expect(field, value, Kind::String).map(json::string)
}

fn expect<'a>(field: &str, value: &'a str, expected: Kind) -> Result<&'a str, PolicyError> {
    let kind = Kind::of(value);
    if kind == expected {
        return Ok(value);
    }
    Err(PolicyError::new(field, format!("{}, expected {}", kind.name(), expected.name())))
}

/// The name and the password of `Basic` credentials (RFC 7617, section 2).
fn basic_credentials(authorization: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, token) = authorization.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut name = BASE64.decode(token.trim_ascii()).ok()?;
    let colon = name.iter().position(|&byte| byte == b':')?;
    let password = name.split_off(colon + 1);
    name.pop();
    Some((name, password))
}

/// The user with this name and password. Takes as long for a wrong name as for a wrong password,
/// and for a password that is nearly right as for any other.
fn authenticate<'a>(users: &'a [User], name: &[u8], password: &[u8]) -> Option<&'a User> {
    let digest: [u8; 32] = Sha256::digest(password).into();
    let mut found = None;
    for user in users {
        let same: Choice = user.password_sha256.ct_eq(&digest) & user.name.as_bytes().ct_eq(name);
        if same.into() {
            found = Some(user);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    /// SHA-256 of `secret`.
    const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn users() -> Policy {
        let users = format!(
            r#"{{"users":[
                {{"name":"ann","password_sha256":"{DIGEST}","roles":["db_viewer"]}},
                {{"name":"bob","password_sha256":"{}","roles":[]}}
            ]}}"#,
            DIGEST.to_uppercase(),
        );
        Policy::parse(users.as_bytes()).unwrap()
    }

    fn basic(credentials: &str) -> Vec<(String, Vec<u8>)> {
        let token = BASE64.encode(credentials);
        vec![("Authorization".into(), format!("Basic {token}").into_bytes())]
    }

    #[test]
    fn basic_credentials_are_checked() {
        let policy = users();
        let roles = |headers: &[(String, Vec<u8>)]| policy.roles(headers);
        assert_eq!(roles(&basic("ann:secret")), Some(vec!["db_viewer".to_string()]));
        assert_eq!(roles(&basic("bob:secret")), Some(vec![]));
        for wrong in ["ann:Secret", "ann:", "ann", "Ann:secret", ":secret", "eve:secret", ""] {
            assert_eq!(roles(&basic(wrong)), None, "{wrong}");
        }
        assert_eq!(roles(&[]), None);
        let header = |value: &str| vec![("authorization".to_string(), value.into())];
        let token = BASE64.encode("ann:secret");
        assert!(roles(&header(&format!("bAsIc  {token} "))).is_some());
        for wrong in ["Basic", "Basic ?", &format!("Bearer {token}"), &format!("Basic{token}")] {
            assert_eq!(roles(&header(wrong)), None, "{wrong}");
        }
        let twice = [basic("ann:secret"), basic("bob:secret")].concat();
        assert_eq!(roles(&twice), None);
    }

    #[test]
    fn a_trusted_header_counts_once_and_alone() {
        let policy = Policy::parse(br#"{"trusted_header":"x-roles"}"#).unwrap();
        let roles = |headers: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| (name.to_string(), value.as_bytes().into());
            policy.roles(&headers.iter().map(owned).collect::<Vec<_>>())
        };
        let some = |roles: &[&str]| Some(roles.iter().map(|role| role.to_string()).collect());
        assert_eq!(roles(&[("X-Roles", " a ,b,, ")]), some(&["a", "b"]));
        assert_eq!(roles(&[("x-roles", "")]), some(&[]));
        assert_eq!(roles(&[("x-role", "a"), ("roles", "a")]), None);
        assert_eq!(roles(&[("x-roles", "a"), ("X-Roles", "admin")]), None);
        assert_eq!(policy.roles(&[("x-roles".into(), vec![0xff])]), None);
    }

    #[test]
    fn anonymous_is_everybody() {
        let policy = Policy::parse(br#" { "anonymous" : [ "db_viewer" ] } "#).unwrap();
        assert_eq!(policy.roles(&[]), Some(vec!["db_viewer".to_string()]));
    }

    #[test]
    fn an_ill_formed_policy_names_the_field_and_no_value() {
        let user = |fields: &str| format!(r#"{{"users":[{{{fields}}}]}}"#);
        let hash = format!(r#""password_sha256":"{DIGEST}""#);
        for (text, expected) in [
            ("".into(), "policy: line 1, column 1: EOF while parsing a value".to_string()),
            ("[]".into(), "policy: an array, expected an object".into()),
            ("{}".into(), format!("policy: {EXPECTED_FORM}")),
            (r#"{"user":[]}"#.into(), format!("policy: {EXPECTED_FORM}")),
            (r#"{"anonymous":[],"users":[]}"#.into(), format!("policy: {EXPECTED_FORM}")),
            (r#"{"anonymous":"a"}"#.into(), "anonymous: a string, expected an array".into()),
            (r#"{"anonymous":["a",1]}"#.into(), "anonymous[1]: a number, expected a string".into()),
            (
                r#"{"trusted_header":""}"#.into(),
                "trusted_header: expected the name of a header".into(),
            ),
            (
                r#"{"trusted_header":"x roles"}"#.into(),
                "trusted_header: expected the name of a header".into(),
            ),
            (r#"{"users":[]}"#.into(), "users: empty, nobody could authenticate".into()),
            (r#"{"users":[1]}"#.into(), "users[0]: a number, expected an object".into()),
            (user(""), "users[0].name: missing".into()),
            (user(r#""name":"a""#), "users[0].password_sha256: missing".into()),
            (user(&format!(r#""name":"a",{hash}"#)), "users[0].roles: missing".into()),
            (
                user(r#""name":"a","password":"secret""#),
                "users[0]: a field other than \"name\", \"password_sha256\" and \"roles\"".into(),
            ),
            (
                user(r#""name":"a","password_sha256":"secret""#),
                "users[0].password_sha256: expected the 64 hexadecimal digits of a SHA-256".into(),
            ),
            (
                user(&format!(r#""name":"a","password_sha256":"g{}""#, &DIGEST[1..])),
                "users[0].password_sha256: expected the 64 hexadecimal digits of a SHA-256".into(),
            ),
            (
                user(&format!(r#""name":"",{hash},"roles":[]"#)),
                "users[0].name: expected a name, not empty and without a colon (RFC 7617, section 2)"
                    .into(),
            ),
            (
                user(&format!(r#""name":"a:b",{hash},"roles":[]"#)),
                "users[0].name: expected a name, not empty and without a colon (RFC 7617, section 2)"
                    .into(),
            ),
            (
                format!(
                    r#"{{"users":[{{"name":"a",{hash},"roles":[]}},{{"name":"a",{hash},"roles":[]}}]}}"#
                ),
                "users[1].name: the name of an earlier user".into(),
            ),
        ] {
            assert_eq!(Policy::parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_policy_does_not_show_its_secrets() {
        assert_eq!(format!("{:?}", users()), "Policy(users)");
        let debug = |text: &[u8]| format!("{:?}", Policy::parse(text).unwrap());
        assert_eq!(debug(br#"{"anonymous":["secret"]}"#), "Policy(anonymous)");
        assert_eq!(debug(br#"{"trusted_header":"secret"}"#), "Policy(trusted_header)");
    }
}
