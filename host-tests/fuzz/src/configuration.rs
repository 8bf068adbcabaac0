//! Any bytes as the Envoy filter's configuration: the filter accepts only valid JSON, its requests
//! to the upstream are well-formed, and no message shows a value.

use crate::config::{Ccs, Config};
use crate::json::{Json, characters};

/// A mark in the values of inputs.
const SECRET: &str = "hunter2";

pub fn run(input: &[u8]) {
    let config = match Config::parse(input) {
        Ok(config) => config,
        Err(error) => {
            let json = Json::parse(input, usize::MAX);
            let hidden = json.as_ref().is_some_and(|json| !names(json));
            return assert!(!hidden || !error.to_string().contains(SECRET), "{error}");
        }
    };
    let json = Json::parse(input, usize::MAX).expect("JSON");
    assert!(json.get("ccs").is_some());
    assert!(config.limits.depth <= 512);
    assert_eq!(config.access.is_some(), json.get("access").is_some());
    let Ccs::Upstream(upstream) = config.ccs else { return };
    assert!(!upstream.cluster.is_empty());
    assert!(!upstream.api.timeout().is_zero() && upstream.api.timeout().as_secs() <= 600);
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let request = upstream.api.list(0, None).expect("a node");
    assert!(!request.authority.is_empty() && visible(&request.authority));
    for request in [Some(request), upstream.api.module(0, "a b")].into_iter().flatten() {
        assert!(request.path.starts_with('/') && visible(&request.path), "{request:?}");
        for (name, value) in request.headers {
            assert!(!name.is_empty() && visible(&name) && !name.contains(':'));
            assert!(!value.contains(|c: char| c != '\t' && c.is_control()));
        }
    }
}

/// Whether the mark is in a place that may be shown: a name, or a document, which is named by its
/// uid.
fn names(json: &Json) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(names),
        Json::Object(members) => members.iter().any(|(key, value)| {
            let key = characters(key).unwrap_or_default();
            key.contains(SECRET) || key == "documents" || names(value)
        }),
        Json::Scalar(_) => false,
    }
}
