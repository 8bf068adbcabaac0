//! The OpenAPI document, beside the responses of the case list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ccs_modules::rest::{OPENAPI, route};
use serde_json::Value;

use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// The errors that are no answer to a request of the document: those of other paths and methods, of a connection,
/// of gRPC in Envoy, and of a probe.
const OF_NO_OPERATION: [&str; 6] = [
    "404 not_found",
    "405 method_not_allowed",
    "408 request_timeout",
    "415 unsupported_media_type",
    "431 header_too_long",
    "503 not_ready",
];

#[test]
fn it_has_each_response_of_the_case_list() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();

    for case in Case::all() {
        let (Ready::Handle(request), Outcome::Response { status, headers, body }) =
            (case.call(), &case.expect)
        else {
            continue;
        };
        let reads = ["GET", "HEAD"].contains(&&*request.method);
        let Some(path) = route(&request.target).filter(|_| reads) else {
            continue;
        };
        let operation = &document["paths"][path][request.method.to_lowercase()];
        let response = &operation["responses"][status.to_string()];
        let response = resolved(&document, response);
        assert!(response.is_object(), "{}: {status} of {path}", case.name);

        for (name, _) in headers {
            let is_of_body = ["content-type", "content-length"].contains(&&**name);
            let is_known = is_of_body || response["headers"].get(name).is_some();
            assert!(is_known, "{}: {name} of {status}", case.name);
        }
        if *status >= 400 && request.method == "GET" {
            let body: Value = serde_json::from_slice(&body.bytes()).unwrap();
            let code = body["error_code"].as_str().unwrap();
            assert!(codes(response).any(|it| it == code), "{}: {status} {code}", case.name);
        }
    }
}

#[test]
fn it_has_each_error_of_the_sources_and_no_others() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let responses = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path["get"]["responses"].as_object().unwrap());
    let mut documented: BTreeSet<String> = responses
        .flat_map(|(status, response)| {
            codes(resolved(&document, response)).map(move |code| format!("{status} {code}"))
        })
        .collect();
    documented.extend(OF_NO_OPERATION.map(String::from));

    assert_eq!(documented, errors_in_sources());
}

/// The errors that the core, the host and the adapters make, such as `404 not_found`.
fn errors_in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = ["src", "host/src", "adapters"].map(|name| root.join(name)).to_vec();
    let mut errors = BTreeSet::new();

    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                errors.extend(shipped.split('(').filter_map(error));
            }
        }
    }

    errors
}

/// The error that these arguments make, such as `404, "not_found", …`.
fn error(arguments: &str) -> Option<String> {
    let (status, rest) = arguments.trim_start().split_once(',')?;
    let is_error = status.parse().is_ok_and(|status: u16| (400..600).contains(&status));
    let (code, _) = rest.trim_start().strip_prefix('"').filter(|_| is_error)?.split_once('"')?;
    // A test beside its module has texts there.
    Some(format!("{status} {code}")).filter(|_| !code.contains(' '))
}

/// The object that a reference names.
fn resolved<'a>(document: &'a Value, object: &'a Value) -> &'a Value {
    match object.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => object,
    }
}

/// The error codes of a response.
fn codes(response: &Value) -> impl Iterator<Item = &str> {
    const CODES: &str = "/content/application~1json/schema/allOf/1/properties/error_code/enum";
    response.pointer(CODES).and_then(Value::as_array).into_iter().flatten().flat_map(Value::as_str)
}
