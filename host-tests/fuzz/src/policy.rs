//! Access policies and the header fields that they read: the right callers are let in, and no
//! message contains a secret.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::{Caller, Login, LoginOptions, Logins, Policy};
use ccs_modules::upstream::{Node, Response, Upstream};
use sha2::{Digest as _, Sha256};

use crate::generate::{roles, words};
use crate::json::Json;

pub fn run(input: &[u8]) {
    // The first byte decides whether the rest is the text of a policy, or a source of one or of a login.
    match input.split_first() {
        Some((0..0x80, text)) => parse(text),
        Some((0x80..0xe0, rest)) => _ = users(&mut Unstructured::new(rest)),
        Some((_, rest)) => _ = login(&mut Unstructured::new(rest)),
        None => {}
    }
}

/// Checks any bytes as a policy.
fn parse(text: &[u8]) {
    let headers = [("X-Roles", b"a, b".as_slice()), ("authorization", b"Basic OjE=".as_slice())];
    match Policy::parse(text) {
        Ok(policy) => {
            let Some(Json::Object(members)) = Json::parse(text, 8) else { panic!("no object") };
            // A trusted header may have a map beside it, and users may have subjects.
            assert!((1..=2).contains(&members.len()));
            assert!(Json::Object(members).compact().is_some());
            policy.caller(&headers);
            policy.caller(&[]);
            policy.caller(&[("x-roles", text)]);
            assert_eq!(format!("{policy:?}"), "Policy");
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}

/// Checks a login with any header field and any responses: only a 200 lets somebody in.
fn login(u: &mut Unstructured<'_>) -> Result<()> {
    let node = Node::parse("http://node1").expect("a URL");
    let upstream = Upstream::new(vec![node]).expect("one node");
    let mut logins = Logins::new(upstream, LoginOptions::default(), [0; 32]);
    let field: Vec<u8> = u.arbitrary()?;
    let mut login = logins.begin(&[("authorization", field.as_slice())], Duration::ZERO);
    let mut has_allowed = false;
    while let Login::Ask(question) = login {
        let status = *u.choose(&[200, 401, 403, 404, 301, 429, 500, 0])?;
        has_allowed |= matches!(status, 200 | 403);
        let headers = vec![("location".to_owned(), u.arbitrary()?)];
        let response = Response { status, headers, body: u.arbitrary()? };
        login = logins.answered(*question, response, Duration::ZERO);
    }
    if let Login::Known(Caller::Authenticated(_), _) = login {
        assert!(has_allowed);
    }
    Ok(())
}

/// Checks users and credentials of few words: a caller with a user's name and password has the
/// user's roles.
fn users(u: &mut Unstructured<'_>) -> Result<()> {
    const ROLES: &[&str] = &[
        "admin",
        "cluster_member",
        "cluster_viewer",
        "db_member",
        "db_viewer",
        "user_manager",
        "none",
    ];
    const WORDS: &[&str] = &["a", "ann", "secret", ":", "\u{e9}", " "];
    let mut users: Vec<(String, String, Vec<String>)> = Vec::new();
    for _ in 0..u.int_in_range(1..=3)? {
        users.push((words(u, WORDS)?, words(u, WORDS)?, roles(u)?));
    }
    let json: Vec<_> = users
        .iter()
        .map(|(name, password, roles)| {
            let digest = Sha256::digest(password);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({"name": name, "password_sha256": digest, "roles": roles})
        })
        .collect();
    let text = serde_json::json!({ "users": json }).to_string();
    let entries = || users.iter().map(|(name, password, _)| (name, password));
    let known = |role: &String| ROLES.contains(&role.as_str());
    let unusable = users.iter().any(|(.., roles)| !roles.iter().all(known))
        || entries().any(|(name, _)| {
            name.is_empty() || name.contains(|c: char| c == ':' || c.is_control())
        })
        || entries().enumerate().any(|(index, entry)| entries().take(index).any(|it| it == entry));
    let policy = Policy::parse(text.as_bytes());
    assert_eq!(policy.is_err(), unusable, "{policy:?}");
    let Ok(policy) = policy else { return Ok(()) };

    let credentials = match u.ratio(1, 2)? {
        true => {
            let (name, password, _) = u.choose(&users)?;
            format!("{name}:{password}")
        }
        false => words(u, WORDS)?,
    };
    let expected = credentials.split_once(':').and_then(|(name, password)| {
        users.iter().find(|(n, p, _)| n == name && p == password).map(|(.., roles)| roles.clone())
    });
    let nobody = policy.caller(&[]);
    assert_eq!(nobody.roles(), None);
    let expected = expected.map_or(nobody.clone(), Caller::Authenticated);
    let scheme = u.choose(&["Basic ", "basic ", "BASIC  "])?;
    let right = [scheme.as_bytes(), BASE64.encode(&credentials).as_bytes()].concat();
    let right = ("Authorization", right.as_slice());
    assert_eq!(policy.caller(&[right]), expected);
    assert_eq!(policy.caller(&[right, right]), nobody);

    let other: Vec<u8> = u.arbitrary()?;
    let text = std::str::from_utf8(&other).unwrap_or_default();
    if !text.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")) {
        assert_eq!(policy.caller(&[("Authorization", other.as_slice())]), nobody);
    }
    Ok(())
}
