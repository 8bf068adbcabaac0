//! Structured inputs, drawn from a target's bytes: texts, JSON, documents, stores, requests.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use ccs_modules::StoreError;
use ccs_modules::access::Caller;

use crate::calls::{Request, Store};
use crate::json::Json;

/// The demonstration catalog: documents as real servers send them.
pub static CATALOG: LazyLock<Vec<Json>> = LazyLock::new(|| {
    let Some(Json::Array(modules)) =
        Json::parse(include_bytes!("../../../host/src/stores/demo.json"), 128)
    else {
        panic!("the catalog is no array")
    };
    modules
});

/// Words of a vocabulary, with other characters between them.
pub fn words(u: &mut Unstructured<'_>, vocabulary: &[&str]) -> Result<String> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=6)? {
        match u.ratio(3, 4)? {
            true => text.push_str(u.choose(vocabulary)?),
            false => text.push(u.arbitrary()?),
        }
    }
    Ok(text)
}

/// The text of a JSON string.
pub fn string(u: &mut Unstructured<'_>) -> Result<String> {
    const PIECES: &[&str] = &[
        "a",
        "b",
        "uid",
        "version",
        "8.0.1",
        "search",
        " ",
        "\u{e9}",
        "\u{1f600}",
        "\u{ffff}",
        "\\u0061",
        "\\u0075",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\uFFFF",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "\\b",
        "\\f",
        "\\r",
        "\\t",
        "sixteen bytes it",
        "\u{7f}",
    ];
    let mut text = String::from("\"");
    for _ in 0..u.int_in_range(0..=5)? {
        text.push_str(u.choose(PIECES)?);
    }
    text.push('"');
    Ok(text)
}

/// The text of a JSON number.
fn number(u: &mut Unstructured<'_>) -> Result<String> {
    const WHOLE: &[&str] = &["0", "1", "10012", "80001", "4294967295", "4294967296", "100"];
    const FRACTION: &[&str] = &["", "", "", ".0", ".000", ".5", ".01", ".10"];
    const EXPONENT: &[&str] = &["", "", "", "e0", "E2", "e-2", "e+4", "e99999999999999999999"];
    let sign = if u.ratio(1, 8)? { "-" } else { "" };
    Ok([sign, u.choose(WHOLE)?, u.choose(FRACTION)?, u.choose(EXPONENT)?].concat())
}

/// A JSON value, nested no deeper than `depth`.
pub fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<Json> {
    let kinds = if depth == 0 { 3 } else { 5 };
    Ok(match u.int_in_range(0..=kinds)? {
        0 | 1 => Json::Scalar(string(u)?),
        2 => Json::Scalar(number(u)?),
        3 => Json::Scalar(u.choose(&["null", "true", "false"])?.to_string()),
        4 => Json::Array(
            (0..u.int_in_range(0..=3)?).map(|_| value(u, depth - 1)).collect::<Result<_>>()?,
        ),
        _ => Json::Object(
            (0..u.int_in_range(0..=3)?)
                .map(|_| Ok((string(u)?, value(u, depth - 1)?)))
                .collect::<Result<_>>()?,
        ),
    })
}

/// One of a few uids, so that some are equal.
pub fn uid(u: &mut Unstructured<'_>) -> Result<&'static str> {
    const LONG: &str = "0123456789abcdef0123456789abcdef";
    Ok(*u.choose(&["a", "b", "c", "ab", "a/b", "\u{e9}", "%", LONG, ""])?)
}

/// A small document, valid in most cases.
pub fn document(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    const TAILS: &[&str] = &[
        "",
        ",\"version\":1",
        ",\"version\":10012.0",
        ",\"x\":{\"b\":1,\"a\":2}",
        ",\"module_name\":\"search\"",
        ",\"semantic_version\":\"8.0.1\"",
        ",\"author\":1",
        ",\"uid\":\"a\"",
        ",\"capabilities\":[\"x\",\"y\"]",
        ",",
        " ",
    ];
    if u.ratio(1, 8)? {
        let length = u.int_in_range(0..=24)?;
        return Ok(u.bytes(length)?.to_vec());
    }
    let mut text = format!("{{\"uid\":\"{}\"", uid(u)?);
    for _ in 0..u.int_in_range(0..=2)? {
        text.push_str(u.choose(TAILS)?);
    }
    text.push('}');
    Ok(text.into_bytes())
}

/// A store that may give wrong answers and may fail.
pub fn store(u: &mut Unstructured<'_>) -> Result<Store> {
    let documents = match u.int_in_range(0..=31)? {
        0..4 => Err(store_error(u)?),
        4 => Ok(many(u)?),
        _ => Ok((0..u.int_in_range(0..=5)?).map(|_| document(u)).collect::<Result<_>>()?),
    };
    let document = match u.int_in_range(0..=5)? {
        0 => Some(Err(store_error(u)?)),
        1 => Some(Ok(Some(document(u)?))),
        2 => Some(Ok(None)),
        _ => None,
    };
    Ok(Store { documents, document })
}

/// Many documents, of which few or none share a uid.
fn many(u: &mut Unstructured<'_>) -> Result<Vec<Vec<u8>>> {
    let (count, distinct) = (u.int_in_range(6..=200)?, u.int_in_range(190..=400)?);
    let prefix = u.choose(&["", "a", "sixteen bytes it", "\u{e9}"])?;
    let uid = |index: usize| format!("{{\"uid\":\"{prefix}{}\"}}", index * 7 % distinct);
    Ok((0..count).map(|index| uid(index).into_bytes()).collect())
}

fn store_error(u: &mut Unstructured<'_>) -> Result<StoreError> {
    let text = match u.ratio(1, 8)? {
        true => words(u, &["down "])?.repeat(200),
        false => words(u, &["down", "\r\n", "\"", "\\", "\u{1}", "\u{85}", "redis://x"])?,
    };
    Ok(match u.int_in_range(0..=2)? {
        0 => StoreError::Denied(text),
        1 => StoreError::Other(text),
        _ => StoreError::Unavailable(text),
    })
}

/// Any request, in most cases for this API.
pub fn request(u: &mut Unstructured<'_>) -> Result<Request> {
    Ok(Request {
        method: match u.ratio(7, 8)? {
            true => u.choose(&["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "get"])?.to_string(),
            false => words(u, &["GET"])?,
        },
        target: target(u)?,
        headers: (0..u.int_in_range(0..=3)?).map(|_| header(u)).collect::<Result<_>>()?,
        caller: match u.int_in_range(0..=7)? {
            0 => Caller::Unauthenticated(None),
            1 => Caller::Anonymous(roles(u)?),
            _ => Caller::Authenticated(roles(u)?),
        },
    })
}

fn target(u: &mut Unstructured<'_>) -> Result<String> {
    const STARTS: &[&str] = &[
        "/v1/modules",
        "/v1/modules",
        "/v1/modules?",
        "/v1/modules/",
        "/v1/modules/a",
        "/%761/modules",
        "http://host/v1/modules",
        "/v1",
        "",
    ];
    const PIECES: &[&str] = &[
        "/",
        "v1",
        "modules",
        "a",
        "b",
        "%",
        "%61",
        "%2F",
        "%2f",
        "%c3%a9",
        "%ff",
        "%zz",
        "?",
        "&",
        "=",
        "+",
        "module_name=",
        "semantic_version=8.0.1",
        "version=1",
        "version=",
        "search",
        "://",
        "#",
        "..",
        "0123456789abcdef0123456789abcdef",
    ];
    Ok([u.choose(STARTS)?, words(u, PIECES)?.as_str()].concat())
}

fn header(u: &mut Unstructured<'_>) -> Result<(String, Vec<u8>)> {
    const NAMES: &[&str] = &[
        "accept",
        "Accept",
        "if-none-match",
        "If-None-Match",
        "authorization",
        "x-roles",
        "range",
    ];
    const PIECES: &[&str] = &[
        "*/*",
        "application/*",
        "application/json",
        "text/html",
        ";q=0",
        ";q=0.000",
        ";q=1",
        ", ",
        ",",
        ";charset=utf-8",
        "\"",
        "W/",
        "*",
        "\"2c455418182f45b0-3\"",
        "admin",
        " ",
        "Basic ",
        "\r\n",
    ];
    let value = match u.ratio(7, 8)? {
        true => words(u, PIECES)?.into_bytes(),
        false => u.arbitrary()?,
    };
    Ok((u.choose(NAMES)?.to_string(), value))
}

/// The roles of a caller, which have the permission in most cases.
pub fn roles(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    const ROLES: &[&str] = &["admin", "db_viewer", "none", "Admin", "", "user_manager"];
    if u.ratio(3, 4)? {
        return Ok(vec!["db_viewer".into()]);
    }
    (0..u.int_in_range(0..=2)?).map(|_| Ok(u.choose(ROLES)?.to_string())).collect()
}
