//! The status, the header fields and the body of each response.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::access::Caller;
use crate::entity_tag::{entity_tag, hash};
use crate::headers;
use crate::rest::conditional::names;
use crate::rest::{Refusal, Request, Response};

/// The parts of a request that shape its response, whatever the outcome is.
pub(super) struct Responder {
    /// Whether the method is HEAD: the same header fields, and no body (RFC 9110, section 9.3.2).
    head: bool,
    cache_control: &'static str,
    if_none_match: Vec<Vec<u8>>,
}

impl Responder {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let if_none_match = headers::values(request.headers, "if-none-match").map(<[u8]>::to_vec);
        let cache_control = match request.caller {
            Caller::Anonymous(_) => REVALIDATED,
            Caller::Authenticated(_) | Caller::Unauthenticated(_) => PRIVATE,
        };
        let head = request.method == "HEAD";
        Self { head, cache_control, if_none_match: if_none_match.collect() }
    }

    /// Makes a responder for a request whose sender was not looked for.
    pub(super) fn without_caller(method: &str) -> Self {
        Self { head: method == "HEAD", cache_control: PRIVATE, if_none_match: Vec::new() }
    }

    /// Responds with this body and 200, or with 304 where the client has the body already.
    pub(super) fn represent(self, body: Vec<u8>) -> Response {
        let tag = entity_tag(hash(&[&body]), body.len());
        self.represent_tagged(body, &tag)
    }

    /// Does the same with a body whose entity tag is known.
    pub(super) fn represent_tagged<B: AsRef<[u8]> + Default>(
        self,
        body: B,
        tag: &str,
    ) -> Response<B> {
        if self.if_none_match.iter().any(|field| names(field, tag)) {
            return self.respond(304, Some(("etag", tag)), None);
        }
        self.respond(200, Some(("etag", tag)), Some(body))
    }

    /// Responds with an error.
    pub(super) fn refuse(self, refusal: &Refusal) -> Response {
        self.respond(refusal.status(), refusal.header(), Some(refusal.body()))
    }

    /// Responds with the methods that a path allows.
    pub(super) fn options(self) -> Response {
        self.respond(204, Some(("allow", ALLOW)), None)
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
        let body = body.filter(|_| !self.head).unwrap_or_default();
        Response { status, headers, body }
    }
}

/// A `cache-control` for what anybody may see: every cache asks again before it uses the response.
const REVALIDATED: &str = "no-cache";

/// A `cache-control` for what one caller may see: shared caches keep nothing, so that no caller gets
/// the response to another.
const PRIVATE: &str = "private, no-cache";

/// The methods that each path of the API allows.
pub(super) const ALLOW: &str = "GET, HEAD, OPTIONS";
