//! The OpenAPI document, beside the responses of the case list.

use std::collections::BTreeSet;

use ccs_modules::rest::{OPENAPI, route};
use serde_json::Value;

use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// The errors that no case has: those of a server, of its limits, and of logins at a cluster.
const OF_SERVERS: [&str; 11] = [
    "429 too_many_logins",
    "500 internal_error",
    "500 login_failed",
    "500 memory_exhausted",
    "500 misconfigured",
    "500 store_answer_too_long",
    "503 caller_unknown",
    "503 not_ready",
    "503 timed_out",
    "503 too_many_connections",
    "503 too_much_in_flight",
];

#[test]
fn it_has_each_response_of_the_case_list_and_no_others() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let mut seen: BTreeSet<String> = OF_SERVERS.map(String::from).into();

    for case in Case::all() {
        let (Ready::Handle(request), Outcome::Response { status, headers, body }) =
            (case.call(), &case.expect)
        else {
            continue;
        };
        let Some(path) = route(&request.target).filter(|_| request.method == "GET") else {
            continue;
        };
        let response = &document["paths"][path]["get"]["responses"][status.to_string()];
        let response = resolved(&document, response);
        assert!(response.is_object(), "{}: {status} of {path}", case.name);

        for (name, _) in headers {
            let is_of_body = ["content-type", "content-length"].contains(&&**name);
            let is_known = is_of_body || response["headers"].get(name).is_some();
            assert!(is_known, "{}: {name} of {status}", case.name);
        }
        if *status >= 400 {
            let body: Value = serde_json::from_slice(&body.bytes()).unwrap();
            seen.insert(format!("{status} {}", body["error_code"].as_str().unwrap()));
        }
    }

    let responses = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path["get"]["responses"].as_object().unwrap());
    let documented: BTreeSet<String> = responses
        .flat_map(|(status, response)| {
            codes(resolved(&document, response)).map(move |code| format!("{status} {code}"))
        })
        .collect();
    assert_eq!(documented, seen);
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
