//! Any bytes as the Traefik plugin's configuration: the plugin accepts only an object of strings,
//! and no message is longer than a log line.

use crate::json::{Json, characters};
use crate::plugin::config::Config;

pub fn run(input: &[u8]) {
    let config = match Config::parse(input) {
        Ok(config) => config,
        Err(error) => {
            let error = error.to_string();
            return assert!(error.len() < 2000 && !error.contains('\n'), "{error}");
        }
    };
    let json = Json::parse(input, usize::MAX).expect("JSON");
    let text = |name| {
        json.get(name).map(|value| match value {
            Json::Scalar(text) => characters(text).expect("a string"),
            _ => panic!("{name} is no string"),
        })
    };
    let documents = text("documents").expect("the only source here");
    assert!(Json::parse(documents.as_bytes(), usize::MAX).is_some());
    assert_eq!(config.access.is_some(), text("access").is_some());
    assert!(config.limits.depth <= 64);
    assert!(config.snapshot.len() <= config.limits.documents);
}
