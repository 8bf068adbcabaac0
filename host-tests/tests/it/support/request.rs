//! Requests that no case has.

use ccs_modules_host::{Caller, Request};

/// A request for the list, of a caller who may see it.
pub fn list() -> Request {
    Request {
        method: "GET".into(),
        target: "/v1/modules".into(),
        headers: Vec::new(),
        caller: Caller::Authenticated(vec!["admin".into()]),
    }
}
