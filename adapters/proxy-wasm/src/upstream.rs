//! The CCS as an HTTP upstream: the two requests, and how their responses are read.

use ccs_modules::StoreError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use crate::config::{ModulePath, Upstream};

impl Upstream {
    /// The path of the module with this uid; none if it must be looked up in the list.
    pub fn module_path(&self, uid: &str) -> Option<String> {
        let ModulePath { before, after } = self.module.as_ref()?;
        // Segments of dots would lead to another path (RFC 3986, section 5.2.4): escaped too, and
        // where the upstream resolves an escaped slash first.
        let path = format!("{before}{uid}{after}");
        if path.split(['/', '\\', '?']).any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        Some(format!("{before}{}{after}", utf8_percent_encode(uid, ESCAPED)))
    }

    /// Sends the request. The response, whatever becomes of it, comes in a call of the host.
    pub fn get(&self, path: &str) -> Result<(), StoreError> {
        let mut headers =
            vec![(":method", "GET"), (":path", path), (":authority", self.authority.as_str())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        hostcalls::dispatch_http_call(&self.cluster, headers, None, Vec::new(), self.timeout)
            .map(drop)
            .map_err(|status| {
                StoreError::Unavailable(match status {
                    Status::BadArgument => "the proxy does not know the upstream".into(),
                    Status::InternalFailure => "the proxy has no connection to the upstream".into(),
                    status => format!("the proxy refused to ask the upstream: {status:?}"),
                })
            })
    }
}

/// All but what never needs escaping (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The body of the response to the request for the list.
pub fn list(headers: usize, body_bytes: usize, limit: usize) -> Result<Vec<u8>, StoreError> {
    match status(headers)?.as_slice() {
        b"200" => body(body_bytes, limit),
        other => Err(refused(other)),
    }
}

/// The document in the response to the request for one module; none if there is no such module.
pub fn module(
    headers: usize,
    body_bytes: usize,
    limit: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    match status(headers)?.as_slice() {
        b"200" => {
            let mut document = body(body_bytes, limit)?;
            // The line end that the API closes a body with is no part of the document.
            document.pop_if(|last| *last == b'\n');
            Ok(Some(document))
        }
        b"404" => Ok(None),
        other => Err(refused(other)),
    }
}

/// The status of a response. Where there was none or it broke off, the proxy tells either by a
/// status of its own (503, 504) or by the lack of all header fields.
fn status(headers: usize) -> Result<Vec<u8>, StoreError> {
    if headers == 0 {
        return Err(StoreError::Unavailable("the upstream's answer broke off".into()));
    }
    match hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status") {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(StoreError::Unavailable("the upstream's answer has no status".into())),
        Err(status) => Err(unreadable(status)),
    }
}

fn body(bytes: usize, limit: usize) -> Result<Vec<u8>, StoreError> {
    if bytes > limit {
        return Err(StoreError::Other(format!(
            "the upstream's answer is {bytes} bytes long, the limit is {limit}"
        )));
    }
    match hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, bytes) {
        Ok(body) => Ok(body.unwrap_or_default()),
        Err(status) => Err(unreadable(status)),
    }
}

fn refused(status: &[u8]) -> StoreError {
    let text = format!("the upstream answered {}", String::from_utf8_lossy(status));
    match status {
        b"401" | b"403" => StoreError::Denied(text),
        _ => StoreError::Unavailable(text),
    }
}

fn unreadable(status: Status) -> StoreError {
    StoreError::Unavailable(format!("the upstream's answer is not readable: {status:?}"))
}
