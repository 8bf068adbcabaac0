//! Access policies, credentials and the header fields that they read: the right callers are let in, and no message
//! contains a secret.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ccs_modules::access::{Access, Caller, Login, LoginOptions, Logins, Names, Policy};
use ccs_modules::config;
use ccs_modules::upstream::{Credentials, Node, Response, Upstream};
use sha2::{Digest as _, Sha256};

use crate::generate::{roles, words};
use crate::json::Json;

pub fn run(input: &[u8]) {
    // The first byte decides whether the rest is the text of a policy, or a source of one, of a login, or of names.
    match input.split_first() {
        Some((0..0x80, text)) => parse(text),
        Some((0x80..0xe0, rest)) => _ = users(&mut Unstructured::new(rest)),
        Some((0xe0..0xf0, rest)) => _ = login(&mut Unstructured::new(rest)),
        Some((_, rest)) => _ = trusted_header(&mut Unstructured::new(rest)),
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
    if let Ok(Access::Policy(policy)) = Access::parse(text) {
        policy.caller_and_user(&headers, Some("CN=ann"));
    }
    match config::parse::<Credentials>(text) {
        Ok(credentials) => assert_eq!(format!("{credentials:?}"), "Credentials"),
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
    // The names that workers share are any bytes, if another program writes them.
    let names = Names::from_bytes(text, 10).to_bytes();
    assert_eq!(Names::from_bytes(&names, 10).to_bytes(), names);
}

/// Checks that names arrive in every form that proxies write, and that only a map gives groups their roles.
fn trusted_header(u: &mut Unstructured<'_>) -> Result<()> {
    const WORDS: &[&str] = &["a", "admin", "unmapped:a", "\u{e9}", ",", "[", "\"", " "];
    let names: Vec<_> =
        (0..u.int_in_range(0..=3)?).map(|_| words(u, WORDS)).collect::<Result<_>>()?;
    let json = serde_json::json!(names).to_string();
    let field = match u.int_in_range(0..=3)? {
        0 => json,
        1 => BASE64.encode(json),
        2 => STANDARD_NO_PAD.encode(json),
        _ => URL_SAFE_NO_PAD.encode(json),
    };
    let caller = |policy: &str, field: &[u8]| {
        Policy::parse(policy.as_bytes()).expect("a policy").caller(&[("X-Names", field)])
    };
    let found = caller(r#"{"trusted_header":"x-names"}"#, field.as_bytes());
    assert_eq!(found, Caller::Authenticated(names.clone()));

    const MAPPED: &str = r#"{"trusted_header":"x-names","map":{"a":["db_viewer"]}}"#;
    let role = |name: &String| match &**name {
        "a" => "db_viewer".to_owned(),
        other => format!("unmapped:{other}"),
    };
    let expected = names.iter().map(role).collect();
    assert_eq!(caller(MAPPED, field.as_bytes()), Caller::Authenticated(expected));

    let other: Vec<u8> = u.arbitrary()?;
    let roles = caller(MAPPED, &other);
    let is_mapped = |role: &String| role == "db_viewer" || role.starts_with("unmapped:");
    assert!(roles.roles().unwrap_or_default().iter().all(is_mapped), "{roles:?}");
    Ok(())
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
