//! Access: who sent a request, found by an access policy for shells on a network.

mod cluster;
mod names;
mod policy;
mod trusted_header;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::access::policy::{Fields, Form, Known, Role, Subjects, User, Users};
use crate::config;
use crate::headers;

pub use crate::access::cluster::{Login, LoginOptions, Logins, Question};
pub use crate::access::names::{NameStore, Names, Turn};
pub(crate) use crate::access::policy::UserName;

/// The sender of a request, and its management roles. The shell finds the sender. No header field of the
/// request grants a role unless the shell trusts that field.
///
/// A shell that authenticates by itself uses [`Authenticated`](Self::Authenticated) and
/// [`Unauthenticated`](Self::Unauthenticated).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Caller {
    /// Any sender: every request has these roles, whatever its header fields. So every caller may see the response
    /// to any other, and shared caches may keep it.
    Anonymous(Vec<String>),
    /// An authenticated caller with these roles. An unknown role has no permission.
    Authenticated(Vec<String>),
    /// A caller that could not be authenticated, with the challenge that the response shows in
    /// `www-authenticate`. `None` is a Bearer challenge, for which a browser asks for no password.
    Unauthenticated(Option<String>),
}

impl Caller {
    /// Returns the management roles, or `None` if the caller is not authenticated.
    pub fn roles(&self) -> Option<&[String]> {
        match self {
            Self::Anonymous(roles) | Self::Authenticated(roles) => Some(roles),
            Self::Unauthenticated(_) => None,
        }
    }
}

/// An access policy: how a shell on a network finds out who sends a request. It is read from JSON, one
/// of
///
/// - `{"users":[{"name":"ann","password_sha256":"<64 hex digits>","roles":["db_viewer"]}]}`: HTTP
///   Basic (RFC 7617), against the SHA-256 digests of the passwords. Two entries of one name are two
///   passwords;
/// - `{"subjects":{"CN=ann,O=example":["db_viewer"]}}`: the subject of the client's certificate, which the
///   shell has verified, in the form of RFC 4514. It may stand beside `users`: then who sends `authorization`
///   is found by that alone;
/// - `{"trusted_header":"x-roles"}`: the roles in a header field that an authenticating proxy in front
///   sets, and removes from what clients send. They are separated by commas or by white space, or are a
///   JSON array, or base64 of one;
/// - `{"trusted_header":"x-groups","map":{"operators":["db_viewer"]}}`: the same with names of groups,
///   each with its roles. A group that is not in the map has none;
/// - `{"anonymous":["db_viewer"]}`: every request has these roles.
///
/// A shell without a policy authenticates no caller. One that sees no certificates refuses a policy with subjects
/// alone, and has the users of one with both.
///
/// ```
/// use ccs_modules::access::{Caller, Policy};
///
/// let policy = Policy::parse(br#"{"trusted_header":"x-roles"}"#)?;
/// let headers = [("X-Roles", b"db_viewer, admin".as_slice())];
/// let roles = vec!["db_viewer".to_string(), "admin".to_string()];
/// assert_eq!(policy.caller(&headers), Caller::Authenticated(roles));
/// assert_eq!(policy.caller(&[]), Caller::Unauthenticated(None));
/// # Ok::<(), ccs_modules::config::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Policy(Form);

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// If the text is not JSON or not one of these forms. The error names the field and never
    /// shows a value.
    pub fn parse(text: &[u8]) -> Result<Self, config::Error> {
        config::parse(text)
    }

    /// Finds out who sent these header fields.
    pub fn caller(&self, headers: &[(&str, &[u8])]) -> Caller {
        self.caller_and_user(headers, None).0
    }

    /// Finds out who sent these header fields over a connection with a certificate of this subject, and the name
    /// of the user for a log: that of a user of the policy, or the subject.
    ///
    /// A subject that the policy does not have becomes the role `unmapped:SUBJECT`, which has no permission.
    pub fn caller_and_user<'a>(
        &'a self,
        headers: &[(&str, &[u8])],
        subject: Option<&'a str>,
    ) -> (Caller, Option<&'a str>) {
        let (roles, user) = match &self.0 {
            Form::Anonymous(roles) => return (Caller::Anonymous(names(roles)), None),
            Form::TrustedHeader(header) => (header.roles(headers), None),
            Form::Known(known) => known.find(headers, subject).unzip(),
        };
        let caller = roles.map_or_else(|| self.unauthenticated(), Caller::Authenticated);
        (caller, user)
    }

    /// Returns whether nobody is authenticated without a certificate.
    pub fn needs_certificates(&self) -> bool {
        matches!(self.0, Form::Known(Known { users: None, .. }))
    }

    /// Makes the caller that could not be authenticated. Only users have a password to ask for.
    fn unauthenticated(&self) -> Caller {
        let asks_for_password = matches!(self.0, Form::Known(Known { users: Some(_), .. }));
        Caller::Unauthenticated(asks_for_password.then(|| BASIC.into()))
    }
}

impl Known {
    /// Returns the roles and the name of the sender. The client chooses what it is known by: a wrong password is
    /// not excused by a certificate.
    fn find<'a>(
        &'a self,
        headers: &[(&str, &[u8])],
        subject: Option<&'a str>,
    ) -> Option<(Vec<String>, &'a str)> {
        let sends_password =
            headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        match (&self.users, self.subjects.as_ref().zip(subject)) {
            (Some(Users(users)), _) if sends_password => {
                let user = authenticated(headers, users)?;
                Some((names(&user.roles), &user.name.0))
            }
            (_, Some((Subjects(subjects), subject))) => Some((mapped(subjects, subject), subject)),
            _ => None,
        }
    }
}

/// The challenge of a policy with users.
const BASIC: &str = "Basic realm=\"ccs-modules\", charset=\"UTF-8\"";

/// How a shell that can ask a cluster finds out who sends a request: by a policy, or by `{"cluster":{}}`, which
/// is the cluster that is the store. The object may have the [`LoginOptions`].
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Fields")]
pub enum Access {
    /// The header fields of the request are enough.
    Policy(Policy),
    /// The cluster is asked: see [`Logins`].
    Cluster(LoginOptions),
}

impl Access {
    /// Reads a policy of any form.
    ///
    /// # Errors
    ///
    /// As for [`Policy::parse`].
    pub fn parse(text: &[u8]) -> Result<Self, config::Error> {
        config::parse(text)
    }
}

impl fmt::Debug for Policy {
    /// Shows no part of the policy, because digests of weak passwords can be reversed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policy")
    }
}

/// Returns the roles of a group or a subject. One that the map does not have becomes the role `unmapped:NAME`,
/// which has no permission. So its name is never taken for a role, and the log can show it.
fn mapped(map: &BTreeMap<String, Vec<Role>>, name: &str) -> Vec<String> {
    let unmapped = || vec![format!("unmapped:{name}")];
    map.get(name).map_or_else(unmapped, |roles| names(roles))
}

fn names(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|Role(name)| name.clone()).collect()
}

/// Returns the user whose name and password are in the header field `authorization`. Takes as long for a
/// wrong name as for a wrong password, and for a password that is nearly right as for any other.
fn authenticated<'a>(headers: &[(&str, &[u8])], users: &'a [User]) -> Option<&'a User> {
    let (name, password) = basic_credentials(headers::single(headers, "authorization")?)?;
    let digest = Sha256::digest(password);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();

    let is_sender = |user: &&User| -> bool {
        let same_password = user.password_sha256.0.as_bytes().ct_eq(digest.as_bytes());
        (same_password & user.name.0.as_bytes().ct_eq(&name)).into()
    };
    // The users after the sender are compared too.
    users.iter().filter(is_sender).fold(None, |_, user| Some(user))
}

/// Returns the name and the password of `Basic` credentials (RFC 7617, section 2).
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::{format, vec};

    use super::*;

    const NOBODY: Caller = Caller::Unauthenticated(None);

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

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64.encode(credentials))
    }

    #[test]
    fn basic_credentials_are_checked() {
        let policy = users();
        let roles = |authorization: &str| {
            let headers = [("Authorization", authorization.as_bytes())];
            policy.caller(&headers).roles().map(<[_]>::to_vec)
        };
        assert_eq!(roles(&basic("ann:secret")), Some(vec!["db_viewer".to_string()]));
        assert_eq!(roles(&basic("bob:secret")), Some(vec![]));
        for wrong in ["ann:Secret", "ann:", "ann", "Ann:secret", ":secret", "eve:secret", ""] {
            assert_eq!(roles(&basic(wrong)), None, "{wrong}");
        }
        let token = BASE64.encode("ann:secret");
        assert!(roles(&format!("bAsIc  {token} ")).is_some());
        for wrong in ["Basic", "Basic ?", &format!("Bearer {token}"), &format!("Basic{token}")] {
            assert_eq!(roles(wrong), None, "{wrong}");
        }
        let (ann, bob, guess) = (basic("ann:secret"), basic("bob:secret"), basic("bob:guess"));
        let user = |authorization: &[&String]| {
            let headers = authorization.iter().map(|value| ("authorization", value.as_bytes()));
            policy.caller_and_user(&headers.collect::<Vec<_>>(), None).1.map(str::to_string)
        };
        assert_eq!(user(&[&bob]).as_deref(), Some("bob"));
        for wrong in [&[][..], &[&guess], &[&ann, &bob], &[&bob, &bob]] {
            assert_eq!(user(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_trusted_header_that_is_sent_twice_is_unauthenticated() {
        let policy = Policy::parse(br#"{"trusted_header":"x-roles"}"#).unwrap();
        let roles = |headers: &[(&str, &'static str)]| {
            let header = |&(name, value): &(_, &'static str)| (name, value.as_bytes());
            policy.caller(&headers.iter().map(header).collect::<Vec<_>>())
        };
        let some = |roles: &[&str]| {
            Caller::Authenticated(roles.iter().map(|role| role.to_string()).collect())
        };
        assert_eq!(roles(&[("X-Roles", " a ,b,, ")]), some(&["a", "b"]));
        assert_eq!(roles(&[("x-roles", "")]), some(&[]));
        assert_eq!(roles(&[("x-role", "a"), ("roles", "a")]), NOBODY);
        assert_eq!(roles(&[("x-roles", "a"), ("X-Roles", "admin")]), NOBODY);
        assert_eq!(policy.caller(&[("x-roles", &[0xff])]), NOBODY);
    }

    #[test]
    fn only_a_policy_with_users_challenges_for_a_password() {
        let challenge = |policy: &Policy| match policy.caller(&[]) {
            Caller::Unauthenticated(challenge) => challenge,
            caller => panic!("{caller:?}"),
        };
        let basic = "Basic realm=\"ccs-modules\", charset=\"UTF-8\"";
        assert_eq!(challenge(&users()).as_deref(), Some(basic));
        let trusted = Policy::parse(br#"{"trusted_header":"x-roles"}"#).unwrap();
        assert_eq!(challenge(&trusted), None);
    }

    #[test]
    fn an_anonymous_policy_gives_its_roles_to_every_caller() {
        let policy = Policy::parse(br#" { "anonymous" : [ "db_viewer" ] } "#).unwrap();
        assert_eq!(policy.caller(&[]), Caller::Anonymous(vec!["db_viewer".to_string()]));
    }

    #[test]
    fn an_error_of_a_policy_names_the_field_and_no_value() {
        const FORM: &str = "expected exactly one of anonymous, trusted_header, users, subjects, cluster; \
                            users and subjects may be together";
        const KNOWN: &str = "unknown field, expected one of anonymous, trusted_header, map, users, \
                             subjects, cluster";
        const NAME: &str =
            "users[0].name: expected a name, not empty, without colons and control characters";
        const SHA: &str =
            "users[0].password_sha256: expected the 64 hexadecimal digits of a SHA-256";
        const ROLES: &str = "expected one of admin, cluster_member, cluster_viewer, db_member, \
                             db_viewer, user_manager, none";
        let user = |fields: &str| format!(r#"{{"users":[{{{fields}}}]}}"#);
        let hash = format!(r#""password_sha256":"{DIGEST}""#);
        for (text, expected) in [
            ("".into(), "line 1, column 1: unexpected end"),
            ("{\n  \"users\": [,]}".into(), "line 2, column 13: unexpected `,`"),
            ("[]".into(), "an array, expected an object"),
            (r#"[["admin"]]"#.into(), "an array, expected an object"),
            ("{}".into(), FORM),
            (r#"{"anonymous":[],"users":[{}]}"#.into(), "users[0]: missing field `name`"),
            (r#"{"anonymous":[],"trusted_header":"x"}"#.into(), FORM),
            (r#"{"anonymous":[],"users":null}"#.into(), "users: null, expected an array"),
            (r#"{"user":[]}"#.into(), &format!("user: {KNOWN}")),
            (r#"{"map":{}}"#.into(), "map: expected with trusted_header only"),
            (r#"{"trusted_header":"x","map":{"a":["b"]}}"#.into(), &format!("map.a[0]: {ROLES}")),
            (r#"{"users":null}"#.into(), "users: null, expected an array"),
            (r#"{"anonymous":"secret"}"#.into(), "anonymous: a string, expected an array"),
            (r#"{"anonymous":["admin",1]}"#.into(), "anonymous[1]: a number, expected a string"),
            (r#"{"anonymous":["secret"]}"#.into(), &format!("anonymous[0]: {ROLES}")),
            (
                r#"{"trusted_header":""}"#.into(),
                "trusted_header: expected the name of a header field",
            ),
            (
                r#"{"trusted_header":"x roles"}"#.into(),
                "trusted_header: expected the name of a header field",
            ),
            (r#"{"users":[]}"#.into(), "users: empty, nobody could authenticate"),
            (r#"{"users":[1]}"#.into(), "users[0]: a number, expected an object"),
            (r#"{"users":[["a"]]}"#.into(), "users[0]: an array, expected an object"),
            (r#"{"subjects":{}}"#.into(), "subjects: empty, nobody could authenticate"),
            (r#"{"subjects":{"CN=a":["b"]}}"#.into(), &format!("subjects.CN=a[0]: {ROLES}")),
            (r#"{"anonymous":[],"subjects":{"CN=a":[]}}"#.into(), FORM),
            (r#"{"cluster":{},"subjects":{"CN=a":[]}}"#.into(), FORM),
            (user(r#""name":"a""#), "users[0]: missing field `password_sha256`"),
            (user(&format!(r#""name":"a",{hash}"#)), "users[0]: missing field `roles`"),
            (
                user(&format!(r#""name":"a",{hash},"roles":["admin","None"]"#)),
                &format!("users[0].roles[1]: {ROLES}"),
            ),
            (
                user(r#""name":"a","password":"secret""#),
                "users[0].password: unknown field, expected one of name, password_sha256, roles",
            ),
            (user(r#""name":"a","password_sha256":"secret","roles":[]"#), SHA),
            (user(&format!(r#""name":"a","password_sha256":"g{}","roles":[]"#, &DIGEST[1..])), SHA),
            (user(&format!(r#""name":"",{hash},"roles":[]"#)), NAME),
            (user(&format!(r#""name":"a:b",{hash},"roles":[]"#)), NAME),
            (user(&format!(r#""name":"a\n",{hash},"roles":[]"#)), NAME),
            (
                user(&format!(r#""name":"a",{hash},"roles":[]}},{{"name":"a",{hash},"roles":[]"#)),
                "users: the user at index 1 has the name and the password of an earlier one",
            ),
        ] {
            assert_eq!(Policy::parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_shell_that_cannot_ask_a_cluster_refuses_a_policy_that_needs_it() {
        let text = br#"{"cluster":{"max_age_ms":1000}}"#;
        let error = Policy::parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with("cluster: this host cannot ask a cluster who is calling"),
            "{error}"
        );
        let Access::Cluster(options) = Access::parse(text).unwrap() else { panic!("a policy") };
        assert_eq!((options.max_age_ms, options.stale_if_error_ms), (1000, 900_000));
        assert!(matches!(Access::parse(br#"{"anonymous":[]}"#), Ok(Access::Policy(_))));
    }

    fn with_subjects(subjects: &str) -> Result<Policy, String> {
        match Access::parse(format!(r#"{{{subjects}}}"#).as_bytes()) {
            Ok(Access::Policy(policy)) => Ok(policy),
            Ok(Access::Cluster(_)) => panic!("a policy"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_subject_has_the_roles_of_the_policy() {
        let policy = with_subjects(r#""subjects":{"CN=ann,O=a\\, b":["db_viewer"]}"#).unwrap();
        let find = |subject| policy.caller_and_user(&[], subject);
        let ann = "CN=ann,O=a\\, b";
        let viewer = Caller::Authenticated(vec!["db_viewer".into()]);
        assert_eq!(find(Some(ann)), (viewer, Some(ann)));
        for other in ["cn=ann,O=a\\, b", "CN=ann", ""] {
            let unmapped = Caller::Authenticated(vec![format!("unmapped:{other}")]);
            assert_eq!(find(Some(other)), (unmapped, Some(other)));
        }
        assert_eq!(find(None), (NOBODY, None));
        assert!(policy.needs_certificates());
        let header = [("authorization", b"Basic YW5uOnNlY3JldA==".as_slice())];
        assert_eq!(policy.caller_and_user(&header, None), (NOBODY, None));
    }

    #[test]
    fn a_client_chooses_what_it_is_known_by() {
        let policy = with_subjects(&format!(
            r#""users":[{{"name":"ann","password_sha256":"{DIGEST}","roles":["admin"]}}],
            "subjects":{{"CN=bob":["none"]}}"#
        ));
        let policy = policy.unwrap();
        let (ann, wrong) = (basic("ann:secret"), basic("ann:wrong"));
        let found = |authorization: Option<&String>, subject| {
            let headers = authorization.map(|value| ("authorization", value.as_bytes()));
            let (caller, user) = policy.caller_and_user(headers.as_slice(), subject);
            (caller.roles().map(|roles| roles.join(",")), user.map(str::to_string))
        };
        let some = |roles: &str, user: &str| (Some(roles.to_string()), Some(user.to_string()));
        assert_eq!(found(Some(&ann), Some("CN=bob")), some("admin", "ann"));
        assert_eq!(found(Some(&ann), None), some("admin", "ann"));
        assert_eq!(found(None, Some("CN=bob")), some("none", "CN=bob"));
        assert_eq!(found(Some(&wrong), Some("CN=bob")), (None, None));
        assert_eq!(found(None, None), (None, None));
        assert!(!policy.needs_certificates());
        assert!(matches!(policy.caller(&[]), Caller::Unauthenticated(Some(_))));
    }

    #[test]
    fn subjects_have_the_form_of_rfc_4514() {
        let read = |subject: &str| {
            with_subjects(&format!(r#""subjects":{{{}:[]}}"#, serde_json::json!(subject)))
        };
        for subject in
            ["CN=ann", "CN=ann+UID=1,O=a", r"CN=a\,b\+c\\,O=\ x", "CN=", "1.2.3=#0401ff", "CN=a=b"]
        {
            read(subject).unwrap();
        }
        for subject in
            ["", "ann", "/O=a/CN=ann", "CN=ann, O=a", "CN = ann", "CN=ann,", r"CN=ann\\,b", "=a"]
        {
            let error = read(subject).unwrap_err();
            assert!(
                error.starts_with("subjects: expected subjects as RFC 4514"),
                "{subject}: {error}"
            );
        }
    }

    #[test]
    fn a_shell_that_sees_no_certificates_refuses_a_policy_that_needs_them() {
        let subjects = r#""subjects":{"CN=a":["admin"]}"#;
        let error = Policy::parse(format!("{{{subjects}}}").as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("subjects: this host cannot see the certificates"), "{error}");
    }

    #[test]
    fn a_policy_does_not_show_its_secrets() {
        assert_eq!(format!("{:?}", users()), "Policy");
    }
}
