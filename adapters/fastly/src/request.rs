//! The parts of a request, which the host hands over in buffers of a length that it is told.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::bindings::fastly::compute::http_req::Request;
use crate::bindings::fastly::compute::types::Error;

/// The longest part of a request that is taken, in bytes. Fastly itself takes less.
const MOST: u64 = 128 << 10;

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

/// Returns the header fields. Fields of one name come together.
pub fn headers(request: &Request) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut headers = Vec::new();
    let mut first = Some(0);
    while let Some(cursor) = first {
        let (names, next) = request.get_header_names(MOST, cursor)?;
        for name in names.split_terminator('\0') {
            add_values(request, name, &mut headers)?;
        }
        first = next;
    }
    Ok(headers)
}

fn add_values(
    request: &Request,
    name: &str,
    headers: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    let mut first = Some(0);
    while let Some(cursor) = first {
        let (values, next) = request.get_header_values(name, MOST, cursor)?;
        let values = values.strip_suffix(b"\0").unwrap_or(&values);
        headers.extend(values.split(|byte| *byte == 0).map(|it| (name.into(), it.to_vec())));
        first = next;
    }
    Ok(())
}
