//! The HTTP face, `rest` in the WIT: `GET /v1/modules` and `GET /v1/modules/{uid}`.
//!
//! The order of checks: path, method (OPTIONS is answered here, without authentication),
//! authentication, permission, `accept`, query, and only then the store.

mod accept;
mod body;
mod conditional;
mod target;

use alloc::string::String;
use alloc::vec::Vec;

use crate::access::may_view_modules;
use crate::catalog::{ask_document, ask_documents};
use crate::limits::Limits;
use crate::rest::body::{Listed, Reply, Single};
use crate::rest::target::{Resource, Target};
use crate::step::Step;

pub use crate::rest::target::is_api_path;

/// A request. Its body is never looked at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, such as `GET`. Case matters (RFC 9110, section 9.1).
    pub method: &'a str,
    /// The request target as received (RFC 9112, section 3.2), still percent-encoded: the origin
    /// form or the absolute form.
    pub target: &'a str,
    /// The header fields in the order received. Names in any case; a name may repeat.
    pub headers: &'a [(String, Vec<u8>)],
    /// The caller's management roles; none if the caller is not authenticated. The shell's own
    /// finding: no header of the request grants a role here.
    pub roles: Option<&'a [String]>,
}

/// A response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case, each once.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Begins answering a request. Every failure is a response too.
///
/// ```
/// use ccs_modules::{Ask, Limits, Step, rest};
///
/// let roles = ["db_viewer".to_string()];
/// let request =
///     rest::Request { method: "GET", target: "/v1/modules", headers: &[], roles: Some(&roles) };
/// let Step::Ask(Ask::Documents(ask)) = rest::handle(&request, &Limits::default()) else {
///     unreachable!("a list needs all documents");
/// };
/// let response = ask.answer(Ok(vec![br#"{"uid":"a"}"#]));
/// assert_eq!(response.status, 200);
/// assert_eq!(response.body, b"[{\"uid\":\"a\"}]\n");
/// ```
pub fn handle(request: &Request<'_>, limits: &Limits) -> Step<Response> {
    let reply = Reply::to(request);
    match resource(request, limits) {
        Ok(Resource::List(filter)) => ask_documents(Listed::new(reply, filter), limits),
        Ok(Resource::Module(uid)) => ask_document(Single::new(reply), &uid, limits),
        Err(refusal) => Step::Done(reply.refuse(refusal)),
    }
}

/// The response of a shell that cannot serve because it is set up wrongly: 500, with an error body
/// like every other. The reason reaches the client, so it holds no secret; a
/// [`PolicyError`](crate::access::PolicyError) holds none.
///
/// ```
/// use ccs_modules::rest;
///
/// let response = rest::misconfigured("GET", "the access policy: users[0].name: missing");
/// assert_eq!(response.status, 500);
/// assert_eq!(
///     response.body,
///     b"{\"description\":\"the access policy: users[0].name: missing\",\"error_code\":\"misconfigured\"}\n",
/// );
/// let head = rest::misconfigured("HEAD", "the access policy: users[0].name: missing");
/// assert_eq!((head.headers, head.body), (response.headers, vec![]));
/// ```
pub fn misconfigured(method: &str, reason: &str) -> Response {
    let request = Request { method, target: "", headers: &[], roles: None };
    Reply::to(&request).error(500, "misconfigured", reason, &[])
}

/// What is asked for, if this caller may ask for it in this way.
fn resource<'a>(request: &Request<'a>, limits: &Limits) -> Result<Resource<'a>, Refusal> {
    let target = Target::parse(request.target, limits)?;
    match request.method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return Err(Refusal::Options),
        _ => return Err(Refusal::MethodNotAllowed),
    }
    let roles = request.roles.ok_or(Refusal::Unauthenticated)?;
    if !may_view_modules(roles) {
        return Err(Refusal::Forbidden);
    }
    if !accept::json(header(request.headers, "accept")) {
        return Err(Refusal::NotAcceptable);
    }
    target.resource()
}

/// Why a request is answered without the store.
enum Refusal {
    BadRequest(&'static str),
    Forbidden,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    /// Not a failure: OPTIONS is answered with what a path allows.
    Options,
    TargetTooLong,
    Unauthenticated,
}

/// The values of the header fields with this name.
pub(crate) fn header<'a>(
    headers: &'a [(String, Vec<u8>)],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}
