//! Responses: the bodies, and the status and header fields that go with each outcome.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::error::{Error, StoreError};
use crate::headers;
use crate::module::Document;
use crate::rest::conditional::{entity_tag, names};
use crate::rest::target::Filter;
use crate::rest::{Refusal, Request, Response};
use crate::step::OutcomeBuilder;

/// Collects the list's body: the documents, in place, in one array and one line end.
pub(super) struct Listed {
    reply: Reply,
    filter: Filter,
    body: Vec<u8>,
}

impl Listed {
    pub(super) fn new(reply: Reply, filter: Filter) -> Self {
        Self { reply, filter, body: Vec::new() }
    }
}

impl OutcomeBuilder<Response> for Listed {
    fn reserve(&mut self, documents: usize, bytes: usize) {
        self.body.reserve_exact(bytes + documents + 3);
    }

    fn add(&mut self, document: Document<'_>) {
        if self.filter.matches(&document) {
            self.body.push(if self.body.is_empty() { b'[' } else { b',' });
            self.body.extend_from_slice(document.text_bytes());
        }
    }

    fn finish(mut self: Box<Self>, complete: Result<(), Error>) -> Response {
        if self.body.is_empty() {
            self.body.push(b'[');
        }
        self.body.extend_from_slice(b"]\n");
        match complete {
            Ok(()) => self.reply.represent(self.body),
            Err(error) => self.reply.fail(&error),
        }
    }
}

/// Collects the body of one module: the document and one line end.
pub(super) struct Single {
    reply: Reply,
    body: Vec<u8>,
}

impl Single {
    pub(super) fn new(reply: Reply) -> Self {
        Self { reply, body: Vec::new() }
    }
}

impl OutcomeBuilder<Response> for Single {
    fn add(&mut self, document: Document<'_>) {
        let text = document.text_bytes();
        self.body.reserve_exact(text.len() + 1);
        self.body.extend_from_slice(text);
        self.body.push(b'\n');
    }

    fn finish(self: Box<Self>, complete: Result<(), Error>) -> Response {
        match complete {
            Ok(()) => self.reply.represent(self.body),
            Err(error) => self.reply.fail(&error),
        }
    }
}

/// What of a request shapes the response, whatever its outcome.
pub(super) struct Reply {
    /// HEAD: the same header fields, and no body (RFC 9110, section 9.3.2).
    head: bool,
    if_none_match: Vec<Vec<u8>>,
}

impl Reply {
    pub(super) fn to(request: &Request<'_>) -> Self {
        let if_none_match =
            headers::values(request.headers, "if-none-match").map(<[u8]>::to_vec).collect();
        Self { head: request.method == "HEAD", if_none_match }
    }

    /// 200 with this body, or 304 where the caller has it already.
    fn represent(self, body: Vec<u8>) -> Response {
        let tag = entity_tag(&body);
        if self.if_none_match.iter().any(|field| names(field, &tag)) {
            let headers = fields([("etag", tag.as_str())]);
            return Response { status: 304, headers, body: Vec::new() };
        }
        self.respond(200, &[("etag", &tag)], body)
    }

    /// The response where the store was asked and there is nothing to represent.
    fn fail(self, error: &Error) -> Response {
        let text = error.to_string();
        match error {
            Error::Forbidden => self.refuse(Refusal::Forbidden),
            Error::UidTooLong { .. } => self.error(414, "uri_too_long", &text, &[]),
            Error::Malformed(_) => self.error(500, "malformed_document", &text, &[]),
            Error::NotFound => self.error(404, "module_not_exist", &text, &[]),
            Error::Store(StoreError::Other(_)) => self.error(500, "store_failed", &text, &[]),
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                self.error(503, "store_unavailable", &text, &[("retry-after", RETRY_AFTER)])
            }
        }
    }

    pub(super) fn refuse(self, refusal: Refusal) -> Response {
        match refusal {
            Refusal::BadRequest(reason) => self.error(400, "bad_request", reason, &[]),
            Refusal::Forbidden => {
                let text = Error::Forbidden.to_string();
                self.error(403, "insufficient_permissions", &text, &[])
            }
            Refusal::MethodNotAllowed => {
                let text = "this path allows GET, HEAD and OPTIONS";
                self.error(405, "method_not_allowed", text, &[("allow", ALLOW)])
            }
            Refusal::NotAcceptable => {
                self.error(406, "not_acceptable", "the answer is application/json", &[])
            }
            Refusal::NotFound => self.error(404, "not_found", "there is no such path", &[]),
            Refusal::Options => {
                let headers = fields([("allow", ALLOW)]);
                Response { status: 204, headers, body: Vec::new() }
            }
            Refusal::TargetTooLong => {
                self.error(414, "uri_too_long", "the request target is too long", &[])
            }
            Refusal::Unauthenticated => {
                let text = "credentials are missing or wrong";
                self.error(401, "unauthenticated", text, &[("www-authenticate", CHALLENGE)])
            }
        }
    }

    /// A response with the error body that the API reference documents.
    pub(super) fn error(
        self,
        status: u16,
        error_code: &str,
        description: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut body = Vec::from(b"{\"description\":");
        body.extend(json_string(description));
        body.extend_from_slice(b",\"error_code\":");
        body.extend(json_string(error_code));
        body.extend_from_slice(b"}\n");
        self.respond(status, headers, body)
    }

    fn respond(self, status: u16, headers: &[(&str, &str)], mut body: Vec<u8>) -> Response {
        let length = body.len().to_string();
        let content = [("content-type", "application/json"), ("content-length", &length)];
        let headers = fields(content.into_iter().chain(headers.iter().copied()));
        if self.head {
            body.clear();
        }
        Response { status, headers, body }
    }
}

/// Returns the JSON text of a string.
fn json_string(string: &str) -> Vec<u8> {
    serde_json::to_vec(string).unwrap_or_default()
}

const ALLOW: &str = "GET, HEAD, OPTIONS";
const CHALLENGE: &str = "Basic realm=\"ccs-modules\", charset=\"UTF-8\"";
/// Seconds.
const RETRY_AFTER: &str = "1";

fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
