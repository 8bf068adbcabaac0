//! The Proxy-Wasm filter, in the tests' own host; its upstream serves the case's store.

use ccs_modules::rest::header_fields;
use ccs_modules::{Limits, body};
use ccs_modules_host::stores::Scripted;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::proxy_wasm::host::{Fate, Filter, Reply};
use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// Runs a case twice in one filter.
pub async fn run(case: &Case) -> Vec<Outcome> {
    let Ready::Handle(mut request) = case.call() else { return Vec::new() };
    let store = case.store();
    if !matches!(store, Scripted::Answers { .. }) && is_about_the_store(&case.expect) {
        return Vec::new(); // an upstream cannot say why it fails
    }
    if let Some(roles) = case.given_roles() {
        request.headers.push((ROLES.into(), roles));
    }
    let mut headers: Vec<(&str, &[u8])> =
        vec![(":method", request.method.as_bytes()), (":path", request.target.as_bytes())];
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    let values = header_fields(&request.headers).into_iter().map(|(_, value)| value);
    headers.extend(names.iter().map(String::as_str).zip(values));

    let mut filter = Filter::load(&configuration(case)).expect("the configuration is sound");
    filter.set_upstream(move |path| upstream(&store, path));
    let mut outcome = || match filter.request(&headers) {
        Fate::Answered(response) => {
            let text = |bytes| String::from_utf8(bytes).expect("a header is text");
            let headers = response.headers.into_iter().map(|(name, value)| (name, text(value)));
            Outcome::of_response(
                response.status.try_into().unwrap(),
                headers.collect(),
                response.body,
            )
        }
        // The filter passes on every path that the core does not know.
        Fate::PassedOn if is_elsewhere(&case.expect) => case.expect.clone(),
        fate => panic!("{}: {fate:?}", case.name),
    };
    vec![outcome(), outcome()]
}

fn configuration(case: &Case) -> String {
    let mut configuration = json!({
        "ccs": {"upstream": {
            "cluster": "ccs",
            "url": "http://ccs",
            "list": "/v1/modules",
            "module": "/v1/modules/{uid}",
            "timeout_ms": 1000,
        }},
    });
    match case.access() {
        None => configuration["access"] = json!({"trusted_header": ROLES}),
        Some(Value::Null) => {}
        Some(policy) => configuration["access"] = policy.clone(),
    }
    configuration.to_string()
}

/// The name of the trusted header, which a filter in front would set.
const ROLES: &str = "x-ccs-roles";

fn upstream(store: &Scripted, path: &str) -> Reply {
    let reply = |status: &str, body| Reply::Answers(vec![(":status".into(), status.into())], body);
    let Scripted::Answers { documents, by_uid } = store else {
        return reply("503", Vec::new());
    };
    let Some(uid) = path.strip_prefix("/v1/modules/") else {
        assert_eq!(path, "/v1/modules");
        return reply("200", body::join(documents));
    };
    let uid = percent_decode_str(uid).decode_utf8().expect("a uid is text");
    match by_uid.get(uid.as_ref()).or_else(|| body::find(documents, &uid, &Limits::default())) {
        Some(document) => reply("200", [document, b"\n".as_slice()].concat()),
        None => reply("404", br#"{"error_code":"module_not_exist"}"#.into()),
    }
}

fn is_about_the_store(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Response { status: 500.., .. })
}

fn is_elsewhere(outcome: &Outcome) -> bool {
    let Outcome::Response { status: 404, body, .. } = outcome else { return false };
    body.string().contains("\"not_found\"")
}
