//! Any request: HTTP allows its response, and two spellings of one request have the same response.

use arbitrary::{Result, Unstructured};
use ccs_modules::access::Caller;
use ccs_modules::{Limits, rest};

use crate::calls::{Request, Store, asks, handle};
use crate::generate;

const DOCUMENTS: &[&[u8]] = &[
    br#"{"module_name":"search","semantic_version":"8.0.1","uid":"a","version":80001}"#,
    br#"{"module_name":"bf","uid":"b","version":1}"#,
    br#"{"uid":"a/b"}"#,
];

pub fn run(input: &[u8]) {
    _ = check(&mut Unstructured::new(input));
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let mut limits = Limits::default();
    if u.ratio(1, 4)? {
        (limits.target_bytes, limits.uid_bytes) = (24, 2);
    }
    let store = if u.ratio(1, 8)? { generate::store(u)? } else { Store::of(DOCUMENTS) };
    let request = generate::request(u)?;
    let response = handle(&store, &request, &limits);
    well_formed(&request, &response);
    in_order(&request, &response, &limits);
    assert_eq!(response, handle(&store, &request, &limits), "not the same a second time");

    let renamed = |method: &str| Request { method: method.into(), ..request.clone() };
    let got = handle(&store, &renamed("GET"), &limits);
    let head = handle(&store, &renamed("HEAD"), &limits);
    assert_eq!((head.status, &head.headers), (got.status, &got.headers));
    assert!(head.body.is_empty());
    well_formed(&renamed("GET"), &got);

    // A conditional request with the response's own tag is a 304.
    if got.status == 200 {
        let tag = field(&got, "etag").expect("an entity tag");
        let mut again = renamed("GET");
        again.headers.push(("If-None-Match".into(), format!("\"x\", W/{tag}").into_bytes()));
        let not_modified = handle(&store, &again, &limits);
        assert_eq!((not_modified.status, not_modified.body.len()), (304, 0));
        assert_eq!(field(&not_modified, "etag"), Some(tag));
    }
    Ok(())
}

/// Checks the rules of every response.
fn well_formed(request: &Request, response: &rest::Response) {
    let rest::Response { status, headers, body, .. } = response;
    for (name, value) in headers {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value}");
        assert_eq!(headers.iter().filter(|(other, _)| other == name).count(), 1, "{name} twice");
    }
    let has = |name| field(response, name).is_some();
    assert_eq!(has("etag"), matches!(status, 200 | 304));
    let shared = matches!(request.caller, Caller::Anonymous(_));
    let cache_control = if shared { "no-cache" } else { "private, no-cache" };
    assert_eq!(field(response, "cache-control"), Some(cache_control));
    assert_eq!(has("allow"), matches!(status, 204 | 405));
    assert_eq!(has("www-authenticate"), *status == 401);
    assert_eq!(has("retry-after"), *status == 503);
    assert_eq!(has("content-type"), !matches!(status, 204 | 304));
    assert_eq!(has("content-length"), has("content-type"));

    let head = request.method == "HEAD";
    if let (false, Some(length)) = (head, field(response, "content-length")) {
        assert_eq!(length, body.len().to_string());
    }
    if head || matches!(status, 204 | 304) {
        assert!(body.is_empty());
        return;
    }
    assert_eq!(body.last(), Some(&b'\n'));
    let json: serde_json::Value = serde_json::from_slice(body).expect("a body of JSON");
    if *status == 200 {
        return;
    }
    let known = match status {
        400 => &["bad_request"][..],
        401 => &["unauthenticated"],
        403 => &["insufficient_permissions"],
        404 => &["not_found", "module_not_exist"],
        405 => &["method_not_allowed"],
        406 => &["not_acceptable"],
        414 => &["uri_too_long"],
        500 => &["malformed_document", "store_failed"],
        503 => &["store_unavailable"],
        _ => panic!("the status {status}"),
    };
    assert!(known.contains(&json["error_code"].as_str().expect("an error code")), "{json}");
    assert!(json["description"].is_string());
    assert_eq!(json.as_object().map(|members| members.len()), Some(2));
}

/// Checks the order of errors: an earlier check answers first, and the store is asked last.
fn in_order(request: &Request, response: &rest::Response, limits: &Limits) {
    let status = response.status;
    let ours = rest::is_api_path(&request.target);
    let no_path = status == 404 && String::from_utf8_lossy(&response.body).contains("not_found");
    if request.method != "HEAD" {
        assert_eq!(no_path, !ours);
    }
    if !ours {
        assert_eq!(status, 404);
        return;
    }
    if request.target.len() > limits.target_bytes {
        assert_eq!(status, 414);
        return;
    }
    let allowed = matches!(request.method.as_str(), "GET" | "HEAD");
    let early = matches!(status, 400 | 414);
    assert!(allowed || early || status == if request.method == "OPTIONS" { 204 } else { 405 });
    if !allowed {
        assert!(!asks(request, limits));
        return;
    }
    let Some(roles) = request.caller.roles() else {
        assert!(early || status == 401);
        return;
    };
    let known =
        ["admin", "cluster_member", "cluster_viewer", "db_member", "db_viewer", "user_manager"];
    if !roles.iter().any(|role| known.contains(&role.as_str())) {
        assert!(early || status == 403);
        return;
    }
    assert!(!matches!(status, 204 | 401 | 403 | 405));
    let named = |name: &str| request.headers.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
    assert!(named("accept") || status != 406);
    assert!(named("if-none-match") || status != 304);
    if matches!(status, 200 | 304 | 500 | 503) {
        assert!(asks(request, limits));
    }
}

fn field<'a>(response: &'a rest::Response, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}
