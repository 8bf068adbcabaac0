//! HTTP, `rest` in the WIT: `GET /v1/modules` and `GET /v1/modules/{uid}`.
//!
//! The order of checks: path, method (OPTIONS is answered here, without authentication),
//! authentication, permission, `accept`, query, and only then the store.

mod accept;
mod conditional;
mod error_response;
mod methods;
mod openapi;
mod responder;
mod target;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::access::Caller;
use crate::checked::{Catalog, CheckedDocument};
use crate::headers;
use crate::limits::Limits;
use crate::rest::responder::{ALLOW, Responder};
use crate::rest::target::{Operation, Target};
use crate::roles::may_view_modules;
use crate::snapshot::image::ImageView;
use crate::step::{Step, check_uid};

pub use crate::headers::header_fields;
pub use crate::rest::conditional::{entity_tag, is_unchanged};
pub use crate::rest::error_response::ErrorResponse;
pub use crate::rest::methods::Methods;
pub use crate::rest::openapi::OPENAPI;
pub use crate::rest::target::{is_api_path, route};

/// The names of the header fields of a request that are read here. A shell that has found the caller may leave out
/// all others.
pub const REQUEST_FIELDS: [&str; 3] = [ACCEPT, IF_MATCH, IF_NONE_MATCH];

const ACCEPT: &str = "accept";
const IF_MATCH: &str = "if-match";
const IF_NONE_MATCH: &str = "if-none-match";

/// A request. Its body is never looked at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, such as `GET`. Case matters (RFC 9110, section 9.1).
    pub method: &'a str,
    /// The request target as received (RFC 9112, section 3.2), still percent-encoded: the origin
    /// form or the absolute form.
    pub target: &'a str,
    /// The header fields in the order received. Names in any case; a name may repeat. The response depends
    /// on [`REQUEST_FIELDS`] only.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The sender, as the shell found it. Shared caches may keep the responses to anonymous callers. All
    /// others are private.
    pub caller: &'a Caller,
}

/// A response. The body is owned, or borrowed from a [`Snapshot`](crate::Snapshot).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response<B = Vec<u8>> {
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case, each once.
    pub headers: Vec<(String, String)>,
    /// The body, which is empty in the response to HEAD.
    pub body: B,
    /// The reason of a 5xx or a 403 in words, for a log. The response to HEAD has it too.
    pub cause: Option<String>,
}

impl Response<Cow<'_, [u8]>> {
    /// Copies the body if it is borrowed.
    pub fn into_owned(self) -> Response {
        let Self { status, headers, body, cause } = self;
        Response { status, headers, body: body.into_owned(), cause }
    }
}

impl From<Response> for Response<Cow<'_, [u8]>> {
    fn from(response: Response) -> Self {
        let Response { status, headers, body, cause } = response;
        Self { status, headers, body: Cow::Owned(body), cause }
    }
}

/// Begins answering a request. Every failure is a response too.
///
/// ```
/// use ccs_modules::access::Caller;
/// use ccs_modules::{Ask, Limits, Step, rest};
///
/// let caller = Caller::Authenticated(vec!["db_viewer".to_string()]);
/// let request =
///     rest::Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
/// let Step::Ask(Ask::Documents(ask)) = rest::handle(&request, &Limits::default()) else {
///     unreachable!("a list needs all documents");
/// };
/// let response = ask.answer(Ok(vec![br#"{"uid":"a"}"#]));
/// assert_eq!(response.status, 200);
/// assert_eq!(response.body, b"[{\"uid\":\"a\"}]\n");
/// ```
pub fn handle(request: &Request<'_>, limits: &Limits) -> Step<Response> {
    let responder = Responder::new(request);
    match operation(request, limits) {
        Ok(Operation::List(filter)) => {
            Step::documents(limits, move |catalog| responder.list(&filter, catalog).into_owned())
        }
        Ok(Operation::Module(uid)) => {
            Step::document(&uid, limits, |document| responder.module(document))
        }
        Ok(Operation::Options) => Step::Done(responder.options()),
        Err(error) => Step::Done(responder.error(error)),
    }
}

/// Answers a request from the image of a snapshot. The body of the list is borrowed, which a [`Step`]
/// cannot do. An answer from the snapshot has these header fields too.
pub(crate) fn handle_kept<'a>(
    request: &Request<'_>,
    view: ImageView<'a>,
    limits: &Limits,
    headers: impl IntoIterator<Item = (String, String)>,
) -> Response<Cow<'a, [u8]>> {
    let responder = Responder::new(request);
    let mut response = match operation(request, limits) {
        Ok(Operation::List(filter)) => responder.list(&filter, Ok(Catalog::Kept(view))),
        Ok(Operation::Module(uid)) => {
            let entry = check_uid(&uid, limits).and_then(|()| view.get(&uid));
            responder.module(entry.map(CheckedDocument::Kept)).into()
        }
        Ok(Operation::Options) => return responder.options().into(),
        Err(error) => return responder.error(error).into(),
    };
    response.headers.extend(headers);
    response
}

/// Returns the operation that a request asks for, if this caller may ask for it in this way.
fn operation<'a>(request: &Request<'a>, limits: &Limits) -> Result<Operation<'a>, ErrorResponse> {
    let target = Target::parse(request.target, limits)?;
    match request.method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return Ok(Operation::Options),
        _ => return Err(ErrorResponse::method_not_allowed(ALLOW)),
    }

    let roles = match request.caller {
        Caller::Anonymous(roles) | Caller::Authenticated(roles) => roles,
        Caller::Unauthenticated(challenge) => {
            return Err(ErrorResponse::unauthenticated(challenge.as_deref().unwrap_or(BEARER)));
        }
    };
    if !may_view_modules(roles) {
        return Err(ErrorResponse::forbidden(roles));
    }

    if !accept::accepts_json(headers::values(request.headers, ACCEPT)) {
        let description = "the response is application/json, which accept excludes";
        return Err(ErrorResponse::new(406, "not_acceptable", description));
    }
    target.operation()
}

/// The challenge for a caller that has no challenge of its own. A 401 needs a challenge (RFC 9110, section 15.5.2).
const BEARER: &str = "Bearer realm=\"ccs-modules\"";

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;
    use crate::entity_tag::{entity_tag, hash};
    use crate::error::StoreError;
    use crate::step::Ask;

    const DOCUMENTS: [&str; 2] = [
        r#"{"module_name":"search","semantic_version":"8.0.1","uid":"a","version":80001}"#,
        r#"{"module_name":"bf","uid":"b"}"#,
    ];

    /// Answers a request of a caller with the permission, from this answer of the store.
    fn answer(
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        store: Result<&[&str], StoreError>,
    ) -> Response {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let caller = Caller::Authenticated(vec!["admin".into()]);
        let request = Request { method, target, headers: &headers, caller: &caller };
        match handle(&request, &Limits { uid_bytes: 4, target_bytes: 64, ..Limits::default() }) {
            Step::Done(response) => response,
            Step::Ask(Ask::Documents(ask)) => ask.answer(store.map(<[_]>::to_vec)),
            Step::Ask(Ask::Document(ask)) => {
                let uid = format!("\"uid\":\"{}\"", ask.uid());
                let found = |it: &&str| it.contains(&uid);
                ask.answer(store.map(|documents| documents.iter().copied().find(found)))
            }
        }
    }

    fn get(target: &str) -> Response {
        answer("GET", target, &[], Ok(&DOCUMENTS))
    }

    /// The header fields, a line each.
    fn headers(response: &Response) -> String {
        let lines = response.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }

    fn body(response: &Response) -> &str {
        core::str::from_utf8(&response.body).unwrap()
    }

    #[test]
    fn get_is_200_with_the_body_and_its_etag() {
        let listed = get("/v1/modules");
        assert_eq!(listed.status, 200);
        assert_eq!(body(&listed), format!("[{},{}]\n", DOCUMENTS[0], DOCUMENTS[1]));
        let one = get("/v1/modules/b");
        assert_eq!(one.status, 200);
        assert_eq!(body(&one), format!("{}\n", DOCUMENTS[1]));
        let tag = entity_tag(hash(&[&one.body]), one.body.len());
        let fields = "content-type: application/json\ncontent-length: 31\ncache-control: private, no-cache\netag: ";
        assert_eq!(headers(&one), format!("{fields}{tag}\n"));
        let empty = answer("GET", "/v1/modules", &[], Ok(&[]));
        assert_eq!((empty.status, body(&empty)), (200, "[]\n"));
    }

    #[test]
    fn only_the_listed_header_fields_change_a_response() {
        let plain = |headers: &[_]| answer("GET", "/v1/modules", headers, Ok(&DOCUMENTS));
        let tag = plain(&[]).headers.iter().find(|(name, _)| name == "etag").unwrap().1.clone();
        for (name, value) in
            [("Accept", "text/plain"), ("if-match", "\"a\""), ("if-none-match", &*tag)]
        {
            assert!(REQUEST_FIELDS.contains(&&*name.to_ascii_lowercase()), "{name}");
            assert_ne!(plain(&[(name, value)]), plain(&[]), "{name}");
        }

        for (name, value) in [
            ("accept-charset", "utf-16"),
            ("accept-encoding", "gzip"),
            ("accept-language", "de"),
            ("authorization", "Basic YTpi"),
            ("cache-control", "only-if-cached"),
            ("cookie", "a=b"),
            ("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("if-range", &tag),
            ("range", "bytes=0-1"),
            ("x-http-method-override", "DELETE"),
        ] {
            assert_eq!(plain(&[(name, value)]), plain(&[]), "{name}");
        }
    }

    #[test]
    fn head_has_the_same_fields_and_no_body() {
        for target in ["/v1/modules", "/v1/modules/a", "/v1/modules/x", "/other", "/v1/modules/%"] {
            let head = answer("HEAD", target, &[], Ok(&DOCUMENTS));
            let get = get(target);
            assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{target}");
            assert!(head.body.is_empty() && !get.body.is_empty(), "{target}");
        }
    }

    #[test]
    fn if_none_match_is_304() {
        let tag = headers(&get("/v1/modules")).split_once("etag: ").unwrap().1.trim().to_string();
        for method in ["GET", "HEAD"] {
            let known = [("If-None-Match", tag.as_str())];
            let response = answer(method, "/v1/modules", &known, Ok(&DOCUMENTS));
            assert_eq!((response.status, body(&response)), (304, ""));
            assert_eq!(
                headers(&response),
                format!("cache-control: private, no-cache\netag: {tag}\n")
            );
            assert_eq!(answer(method, "/v1/modules", &known, Ok(&[])).status, 200);
        }
        let any = [("if-none-match", "*")];
        assert_eq!(answer("GET", "/v1/modules/x", &any, Ok(&DOCUMENTS)).status, 404);
    }

    #[test]
    fn if_match_with_another_tag_is_412() {
        let tag = headers(&get("/v1/modules")).split_once("etag: ").unwrap().1.trim().to_string();
        for (field, status) in [(&*tag, 200), ("*", 200), ("\"x\"", 412), ("", 412)] {
            let response = answer("GET", "/v1/modules", &[("if-match", field)], Ok(&DOCUMENTS));
            assert_eq!(response.status, status, "{field}");
        }
        let weak = format!("W/{tag}");
        let head = answer("HEAD", "/v1/modules", &[("If-Match", &weak)], Ok(&DOCUMENTS));
        assert_eq!((head.status, body(&head)), (412, ""));
        // A module that does not exist has no tag to compare.
        let missing = answer("GET", "/v1/modules/x", &[("if-match", "*")], Ok(&DOCUMENTS));
        assert_eq!(missing.status, 404);
    }

    #[test]
    fn a_query_filters_the_list_by_its_fields() {
        let [search, bf] = DOCUMENTS;
        for (query, expected) in [
            ("module_name=search", vec![search]),
            ("module_name=SEARCH", vec![search]),
            ("module_name=sear", vec![]),
            ("semantic_version=8.0.1", vec![search]),
            ("semantic_version=8.0.10", vec![]),
            ("version=80001", vec![search]),
            ("version=1", vec![]),
            ("module_name=bf", vec![bf]),
            ("module_name=bf&version=80001", vec![]),
            // What fits does not depend on the conditions: no module is for 7.4.
            ("module_name=search&fits=7.4", vec![]),
            ("module_name=b%66&other", vec![bf]),
            ("other=1", vec![search, bf]),
            ("latest=true", vec![search, bf]),
            ("latest=false&module_name=bf", vec![bf]),
            ("fits=7.4", vec![]),
        ] {
            let response = get(&format!("/v1/modules?{query}"));
            assert_eq!(body(&response), format!("[{}]\n", expected.join(",")), "{query}");
        }
        // A document that is left out must still be sound.
        let store = Ok(&["{}", DOCUMENTS[1]][..]);
        assert_eq!(answer("GET", "/v1/modules?module_name=bf", &[], store).status, 500);
    }

    #[test]
    fn every_failure_has_its_status_and_error_code() {
        let unavailable = || Err(StoreError::Unavailable("down".into()));
        let denied = || Err(StoreError::Denied("no".into()));
        let failed = || Err(StoreError::Other("\"quoted\"".into()));
        let too_long = || Err(StoreError::TooLong("more than 9 bytes".into()));
        let long = format!("/v1/modules/{}", "a".repeat(64));
        for (method, target, accept, store, status, code, description) in [
            ("GET", "/", "*/*", Ok(&DOCUMENTS[..]), 404, "not_found", "there is no such path"),
            (
                "GET",
                "/v1/modules/%",
                "*/*",
                Ok(&[]),
                400,
                "bad_request",
                "a percent sign without two hexadecimal digits",
            ),
            (
                "GET",
                "/v1/modules/%ff",
                "*/*",
                Ok(&[]),
                400,
                "bad_request",
                "percent-encoded bytes that are not UTF-8",
            ),
            (
                "GET",
                "/v1/modules?version=x",
                "*/*",
                Ok(&[]),
                400,
                "bad_request",
                "the query key version needs an integer from 0 to 4294967295",
            ),
            (
                "GET",
                long.as_str(),
                "*/*",
                Ok(&[]),
                414,
                "uri_too_long",
                "the request target is too long",
            ),
            (
                "GET",
                "/v1/modules/abcde",
                "*/*",
                Ok(&[]),
                414,
                "uri_too_long",
                "the uid is 5 bytes long, the limit is 4",
            ),
            (
                "POST",
                "/v1/modules",
                "*/*",
                Ok(&[]),
                405,
                "method_not_allowed",
                "this path allows only GET, HEAD, OPTIONS",
            ),
            (
                "GET",
                "/v1/modules",
                "text/html",
                Ok(&[]),
                406,
                "not_acceptable",
                "the response is application/json, which accept excludes",
            ),
            (
                "GET",
                "/v1/modules/c",
                "*/*",
                Ok(&[]),
                404,
                "module_not_exist",
                "the module does not exist",
            ),
            (
                "GET",
                "/v1/modules/",
                "*/*",
                Ok(&[]),
                404,
                "module_not_exist",
                "the module does not exist",
            ),
            (
                "GET",
                "/v1/modules",
                "*/*",
                Ok(&["[]"]),
                500,
                "malformed_document",
                "document at index 0: an array, expected an object",
            ),
            (
                "GET",
                "/v1/modules/a",
                "*/*",
                failed(),
                500,
                "store_failed",
                "the store failed: \\\"quoted\\\"",
            ),
            (
                "GET",
                "/v1/modules",
                "*/*",
                too_long(),
                500,
                "store_answer_too_long",
                "the store's answer is too long: more than 9 bytes",
            ),
            (
                "GET",
                "/v1/modules",
                "*/*",
                denied(),
                503,
                "store_unavailable",
                "the store denied access: no",
            ),
            (
                "GET",
                "/v1/modules/a",
                "*/*",
                unavailable(),
                503,
                "store_unavailable",
                "the store is unavailable: down",
            ),
        ] {
            let response = answer(method, target, &[("Accept", accept)], store);
            assert_eq!(response.status, status, "{target}");
            let expected =
                format!("{{\"description\":\"{description}\",\"error_code\":\"{code}\"}}\n");
            assert_eq!(body(&response), expected, "{target}");
            let more = match status {
                405 => "allow: GET, HEAD, OPTIONS\n",
                503 => "retry-after: 1\n",
                _ => "",
            };
            let length = expected.len();
            let fields = format!(
                "content-type: application/json\ncontent-length: {length}\ncache-control: private, no-cache\n{more}"
            );
            assert_eq!(headers(&response), fields, "{target}");
        }
    }

    #[test]
    fn options_is_204_with_allow_for_every_caller() {
        let caller = &Caller::Unauthenticated(None);
        let request = Request { method: "OPTIONS", target: "/v1/modules", headers: &[], caller };
        let Step::Done(response) = handle(&request, &Limits::default()) else { panic!() };
        assert_eq!((response.status, body(&response)), (204, ""));
        assert_eq!(
            headers(&response),
            "cache-control: private, no-cache\nallow: GET, HEAD, OPTIONS\n"
        );
    }

    #[test]
    fn missing_credentials_are_401_and_a_missing_permission_is_403() {
        let none = Caller::Authenticated(vec!["none".to_string()]);
        for (caller, status, challenge, expected) in [
            (
                &Caller::Unauthenticated(Some("Negotiate".to_string())),
                401,
                "www-authenticate: Negotiate\n",
                "{\"description\":\"credentials are missing or wrong\",\"error_code\":\"unauthenticated\"}\n",
            ),
            (
                &Caller::Unauthenticated(None),
                401,
                "www-authenticate: Bearer realm=\"ccs-modules\"\n",
                "{\"description\":\"credentials are missing or wrong\",\"error_code\":\"unauthenticated\"}\n",
            ),
            (
                &none,
                403,
                "",
                "{\"description\":\"the permission view_cluster_modules is missing\",\"error_code\":\"insufficient_permissions\"}\n",
            ),
        ] {
            let request =
                Request { method: "GET", target: "/v1/modules?version=x", headers: &[], caller };
            let Step::Done(response) = handle(&request, &Limits::default()) else { panic!() };
            assert_eq!((response.status, body(&response)), (status, expected));
            assert!(headers(&response).ends_with(&format!(
                "{}\ncache-control: private, no-cache\n{challenge}",
                expected.len()
            )));
        }
    }

    #[test]
    fn a_plus_in_a_query_is_a_space() {
        let store = [r#"{"module_name":"my search","uid":"a"}"#];
        for query in ["module_name=my+search", "module_name=my%20search", "module+name=x"] {
            let response = answer("GET", &format!("/v1/modules?{query}"), &[], Ok(&store));
            assert_eq!(body(&response), format!("[{}]\n", store[0]), "{query}");
        }
        let encoded = answer("GET", "/v1/modules?module_name=my%2Bsearch", &[], Ok(&store));
        assert_eq!(body(&encoded), "[]\n");
        assert_eq!(answer("GET", "/v1/modules/a+b", &[], Ok(&[r#"{"uid":"a b"}"#])).status, 404);
    }

    #[test]
    fn a_version_in_a_query_is_digits() {
        for version in ["+80001", "%2B80001", "-1", "", "4294967296"] {
            let response = get(&format!("/v1/modules?version={version}"));
            assert_eq!(response.status, 400, "{version}");
        }
    }

    #[test]
    fn cache_control_is_private_unless_the_caller_is_anonymous() {
        let tag = headers(&get("/v1/modules")).split_once("etag: ").unwrap().1.trim().to_string();
        let headers = [("if-none-match", tag.as_bytes())];
        let caller = |kind: fn(Vec<String>) -> Caller| kind(vec!["admin".into()]);
        for (caller, expected) in [
            (caller(Caller::Anonymous), "no-cache"),
            (Caller::Anonymous(vec![]), "no-cache"),
            (caller(Caller::Authenticated), "private, no-cache"),
            (Caller::Unauthenticated(None), "private, no-cache"),
        ] {
            for (method, target, headers) in [
                ("GET", "/v1/modules", &[][..]),
                ("GET", "/v1/modules", &headers),
                ("HEAD", "/v1/modules/a", &[]),
                ("OPTIONS", "/v1/modules", &[]),
                ("POST", "/v1/modules", &[]),
                ("GET", "/other", &[]),
            ] {
                let request = Request { method, target, headers, caller: &caller };
                let response = match handle(&request, &Limits::default()) {
                    Step::Done(response) => response,
                    Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(DOCUMENTS.to_vec())),
                    Step::Ask(Ask::Document(ask)) => ask.answer(Ok(Some(DOCUMENTS[0]))),
                };
                let found = response.headers.iter().find(|(name, _)| name == "cache-control");
                let found = found.map(|(_, value)| value.as_str());
                assert_eq!(found, Some(expected), "{} {caller:?}", response.status);
            }
        }
    }
}
