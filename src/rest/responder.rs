//! The status, the header fields and the body of each response.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::access::Caller;
use crate::body;
use crate::checked::{Catalog, CheckedDocument};
use crate::entity_tag::{entity_tag, hash};
use crate::error::Error;
use crate::headers;
use crate::rest::conditional::{Comparison, names};
use crate::rest::target::Filter;
use crate::rest::{ErrorResponse, IF_MATCH, IF_NONE_MATCH, Request, Response};

/// The parts of a request that shape its response, whatever the outcome is.
pub(super) struct Responder {
    /// Whether the method is HEAD: the same header fields, and no body (RFC 9110, section 9.3.2).
    is_head: bool,
    cache_control: &'static str,
    if_match: Vec<Vec<u8>>,
    if_none_match: Vec<Vec<u8>>,
}

impl Responder {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let fields = |name| headers::values(request.headers, name).map(<[u8]>::to_vec).collect();
        let cache_control = match request.caller {
            Caller::Anonymous(_) => REVALIDATED,
            Caller::Authenticated(_) | Caller::Unauthenticated(_) => PRIVATE,
        };
        let is_head = request.method == "HEAD";
        let (if_match, if_none_match) = (fields(IF_MATCH), fields(IF_NONE_MATCH));
        Self { is_head, cache_control, if_match, if_none_match }
    }

    /// Makes a responder for a request whose sender was not looked for.
    pub(super) fn without_caller(method: &str) -> Self {
        let is_head = method == "HEAD";
        let cache_control = PRIVATE;
        Self { is_head, cache_control, if_match: Vec::new(), if_none_match: Vec::new() }
    }

    /// Responds with the modules that the filter chooses, in the order of the list. The body of the whole
    /// list of a snapshot is borrowed.
    pub(super) fn list<'a>(
        self,
        filter: &Filter,
        catalog: Result<Catalog<'a>, Error>,
    ) -> Response<Cow<'a, [u8]>> {
        let chosen = catalog.and_then(|catalog| match filter.is_empty() {
            true => catalog.body(),
            false => filtered(filter, catalog),
        });
        match chosen.map_err(ErrorResponse::from).and_then(|found| self.check_if_match(found)) {
            Ok((body, tag)) => self.represent(body, &tag),
            Err(error) => self.error(error).into(),
        }
    }

    /// Responds with one module.
    pub(super) fn module(self, document: Result<CheckedDocument<'_>, Error>) -> Response {
        let found = document.and_then(|document| Ok(document.body()?));
        match found.map_err(ErrorResponse::from).and_then(|found| self.check_if_match(found)) {
            Ok((body, tag)) => self.represent(body, &tag),
            Err(error) => self.error(error),
        }
    }

    /// Responds with an error.
    pub(super) fn error(self, error: ErrorResponse) -> Response {
        let cause = error.cause().map(String::from);
        Response { cause, ..self.respond(error.status(), error.header(), Some(error.body())) }
    }

    /// Responds with the methods that a path allows.
    pub(super) fn options(self) -> Response {
        self.respond(204, Some(("allow", ALLOW)), None)
    }

    /// Checks that the `if-match` of the request, if it has one, names this body.
    fn check_if_match<B>(&self, found: (B, String)) -> Result<(B, String), ErrorResponse> {
        let is_named = |field: &Vec<u8>| names(field, &found.1, Comparison::Strong);
        if self.if_match.is_empty() || self.if_match.iter().any(is_named) {
            return Ok(found);
        }
        let description = "if-match names another entity tag";
        Err(ErrorResponse::new(412, "precondition_failed", description))
    }

    /// Responds with this body and 200, or with 304 if the client has the body already.
    fn represent<B: AsRef<[u8]> + Default>(self, body: B, tag: &str) -> Response<B> {
        if self.if_none_match.iter().any(|field| names(field, tag, Comparison::Weak)) {
            return self.respond(304, Some(("etag", tag)), None);
        }
        self.respond(200, Some(("etag", tag)), Some(body))
    }

    fn respond<B: AsRef<[u8]> + Default>(
        self,
        status: u16,
        header: Option<(&str, &str)>,
        body: Option<B>,
    ) -> Response<B> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut push = |name: &str, value: &str| headers.push((name.into(), value.into()));
        if let Some(body) = &body {
            push("content-type", "application/json");
            push("content-length", &body.as_ref().len().to_string());
        }
        // A 304 has it too: a cache takes the fields of its stored response from there (RFC 9110,
        // section 15.4.5).
        push("cache-control", self.cache_control);
        if let Some((name, value)) = header {
            push(name, value);
        }

        let body = body.filter(|_| !self.is_head).unwrap_or_default();
        Response { status, headers, body, cause: None }
    }
}

/// Returns the body of the list of those modules that the filter chooses, and its entity tag.
fn filtered<'a>(filter: &Filter, catalog: Catalog<'_>) -> Result<(Cow<'a, [u8]>, String), Error> {
    let mut body = body::Writer::with_capacity(0, 0);
    for document in filter.choose(catalog.documents()?) {
        body.push(document.text_bytes());
    }

    let body = body.finish();
    let tag = entity_tag(hash(&[&body]), body.len());
    Ok((body.into(), tag))
}

/// A `cache-control` for what every caller may see. Every cache asks again before it uses the response.
const REVALIDATED: &str = "no-cache";

/// A `cache-control` for what one caller may see: shared caches keep nothing, so that no caller gets
/// the response to another.
const PRIVATE: &str = "private, no-cache";

/// The methods that each path of the API allows.
pub(super) const ALLOW: &str = "GET, HEAD, OPTIONS";
