//! The method and the target of a request.

use alloc::string::{String, ToString as _};

use crate::bindings::fastly::compute::http_req::Request;
use crate::bindings::fastly::compute::types::Error;
use crate::fields::MOST;

pub fn method(request: &Request) -> Result<String, Error> {
    request.get_method(MOST)
}

/// Returns the request target in origin form. The host gives the whole URL.
pub fn target(request: &Request) -> Result<String, Error> {
    let url = request.get_uri(MOST)?;
    let after_scheme = url.split_once("://").map_or(url.as_str(), |(_, it)| it);
    Ok(match after_scheme.find(['/', '?']) {
        Some(start) if after_scheme.len() < url.len() => {
            after_scheme.get(start..).unwrap_or_default().to_string()
        }
        Some(_) => url,
        None => "/".into(),
    })
}
