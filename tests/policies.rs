//! Access policies, as `host-tests/policies.json` says they are read. Hosts in other languages run the
//! same table.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a test may panic

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ccs_modules::access::Policy;
use serde_json::Value;

const TABLE: &str = include_str!("../host-tests/policies.json");

#[test]
fn policies_find_the_roles_of_callers() {
    for row in array(&table()["read"]) {
        let policy = Policy::parse(row["policy"].to_string().as_bytes());
        let policy = policy.unwrap_or_else(|error| panic!("{}: {error}", row["about"]));
        for caller in array(&row["callers"]) {
            let headers: Vec<_> = array(&caller["headers"]).iter().map(header).collect();
            let lent = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let found = policy.caller(&lent.collect::<Vec<_>>());
            let found = found.roles();
            assert_eq!(serde_json::json!(found), caller["roles"], "{}: {caller}", row["about"]);
        }
    }
}

#[test]
fn malformed_policies_are_refused() {
    for policy in array(&table()["refused"]) {
        assert!(Policy::parse(policy.to_string().as_bytes()).is_err(), "{policy}");
    }
}

fn table() -> Value {
    serde_json::from_str(TABLE).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// A header field: its value is a string, or bytes in base64.
fn header(field: &Value) -> (String, Vec<u8>) {
    let name = field[0].as_str().unwrap().to_owned();
    let value = match &field[1] {
        Value::String(text) => text.clone().into_bytes(),
        bytes => BASE64.decode(bytes["base64"].as_str().unwrap()).unwrap(),
    };
    (name, value)
}
