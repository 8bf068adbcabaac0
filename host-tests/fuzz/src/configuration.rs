//! Any bytes as the Envoy filter's configuration: taken only if it is sound JSON that holds together,
//! and no message shows a value.

use crate::config::{Ccs, Config};
use crate::json::{Json, characters};

/// A mark that inputs have in their values.
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
    assert!(!upstream.timeout.is_zero() && upstream.timeout.as_secs() <= 60);
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(!upstream.cluster.is_empty());
    assert!(!upstream.authority.is_empty() && visible(&upstream.authority));
    assert!(upstream.list.starts_with('/') && visible(&upstream.list));
    if let Some(module) = upstream.module {
        assert!(
            module.before.starts_with('/') && visible(&module.before) && visible(&module.after)
        );
    }
    for (name, value) in upstream.headers {
        assert!(!name.is_empty() && visible(&name) && !name.contains(':'));
        assert!(!value.contains(|c: char| c != '\t' && c.is_control()));
    }
}

/// Whether the mark stands where it may be shown: in a name, or in documents, which are named by uid.
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
