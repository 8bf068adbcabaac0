//! Responses: the bodies, and the status and header fields that go with each outcome.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::entity_tag::{entity_tag, hash};
use crate::error::{Error, StoreError};
use crate::headers;
use crate::image::{Damaged, Entry, View};
use crate::limits::Limits;
use crate::list::Sink;
use crate::module::Document;
use crate::rest::conditional::names;
use crate::rest::target::{Filter, FilterFields};
use crate::rest::{Refusal, Request, Response};
use crate::step::{ListCall, ModuleCall};

/// The request for a list.
pub(super) struct ListRequest {
    reply: Reply,
    filter: Filter,
    body: ListBody,
}

impl ListRequest {
    pub(super) fn new(reply: Reply, filter: Filter) -> Self {
        Self { reply, filter, body: ListBody::default() }
    }
}

impl Sink for ListRequest {
    fn reserve(&mut self, documents: usize, bytes: usize) {
        self.body.0.reserve_exact(bytes + documents + 3);
    }

    fn add(&mut self, document: Document<'_>) {
        if self.filter.is_empty() || self.filter.matches(&FilterFields::of(&document)) {
            self.body.push(document.text_bytes());
        }
    }
}

impl ListCall<Response> for ListRequest {
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> Response {
        match complete {
            Ok(()) => self.reply.represent(self.body.finish()),
            Err(error) => self.reply.fail(&error),
        }
    }

    fn answer_from(self: Box<Self>, snapshot: View<'_>, _: &Limits) -> Response {
        self.reply.list_from(&self.filter, snapshot).into_owned()
    }
}

/// The request for one module.
pub(super) struct ModuleRequest {
    reply: Reply,
}

impl ModuleRequest {
    pub(super) fn new(reply: Reply) -> Self {
        Self { reply }
    }
}

impl ModuleCall<Response> for ModuleRequest {
    fn finish(self: Box<Self>, document: Result<Document<'_>, Error>) -> Response {
        match document {
            Ok(document) => self.reply.represent([document.text_bytes(), b"\n"].concat()),
            Err(error) => self.reply.fail(&error),
        }
    }

    fn answer_from(self: Box<Self>, entry: Result<Entry<'_>, Error>, _: &Limits) -> Response {
        self.reply.module_from(entry)
    }
}

/// The body of a list: documents in one array, and one line end.
#[derive(Default)]
struct ListBody(Vec<u8>);

impl ListBody {
    fn push(&mut self, document: &[u8]) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(document);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.extend_from_slice(b"]\n");
        self.0
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
        let tag = entity_tag(hash(&[&body]), body.len());
        self.represent_tagged(body, &tag)
    }

    /// The same with a body whose entity tag is known.
    fn represent_tagged<B: AsRef<[u8]> + Default>(self, body: B, tag: &str) -> Response<B> {
        if self.if_none_match.iter().any(|field| names(field, tag)) {
            let headers = fields([("etag", tag)]);
            return Response { status: 304, headers, body: B::default() };
        }
        self.respond(200, &[("etag", tag)], body)
    }

    /// The list of a snapshot, without the modules that the filter leaves out.
    pub(super) fn list_from<'a>(
        self,
        filter: &Filter,
        snapshot: View<'a>,
    ) -> Response<Cow<'a, [u8]>> {
        if filter.is_empty() {
            let body = Cow::Borrowed(snapshot.body());
            return self.represent_tagged(body, &snapshot.entity_tag());
        }
        match filtered(filter, snapshot) {
            Ok(body) => self.represent(body).into(),
            Err(damaged) => self.fail(&damaged.into()).into(),
        }
    }

    /// One module of a snapshot.
    pub(super) fn module_from(self, entry: Result<Entry<'_>, Error>) -> Response {
        let found =
            entry.and_then(|entry| Ok(([entry.text_bytes()?, b"\n"].concat(), entry.entity_tag())));
        match found {
            Ok((body, tag)) => self.represent_tagged(body, &tag),
            Err(error) => self.fail(&error),
        }
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

    fn respond<B: AsRef<[u8]> + Default>(
        self,
        status: u16,
        headers: &[(&str, &str)],
        body: B,
    ) -> Response<B> {
        let length = body.as_ref().len().to_string();
        let content = [("content-type", "application/json"), ("content-length", &length)];
        let headers = fields(content.into_iter().chain(headers.iter().copied()));
        let body = if self.head { B::default() } else { body };
        Response { status, headers, body }
    }
}

/// Returns the JSON text of a string.
fn json_string(string: &str) -> Vec<u8> {
    serde_json::to_vec(string).unwrap_or_default()
}

/// The body of a snapshot's list, without the modules that the filter leaves out.
fn filtered(filter: &Filter, snapshot: View<'_>) -> Result<Vec<u8>, Damaged> {
    let mut body = ListBody::default();
    for entry in snapshot.entries() {
        let entry = entry?;
        if filter.matches(&FilterFields::of_entry(&entry)?) {
            body.push(entry.text_bytes()?);
        }
    }
    Ok(body.finish())
}

const ALLOW: &str = "GET, HEAD, OPTIONS";
const CHALLENGE: &str = "Basic realm=\"ccs-modules\", charset=\"UTF-8\"";
/// Seconds.
const RETRY_AFTER: &str = "1";

fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
