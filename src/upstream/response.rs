//! The reading of responses.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::body::split;
use crate::error::StoreError;
use crate::headers;
use crate::json::{self, Kind, SyntaxError, Value};
use crate::upstream::node::Location;
use crate::upstream::{CacheStatus, Request, Resource, Upstream, url};

/// A response of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields in the order received. Names in any case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body. A shell may cut it after [`Request::body_bytes`] and one more.
    pub body: Vec<u8>,
}

/// The answer of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// The list or the document. The list is an array of objects and the document is an object. What is in
    /// the objects is not checked yet.
    Body {
        /// The age of the answer (RFC 9111, section 5.1). A node can be a mirror itself.
        age: Duration,
        /// The body. A document is without the line end that the API closes a body with.
        body: Vec<u8>,
        /// Whether the answer was fresh.
        cache_status: CacheStatus,
        /// The validator of the body, if the node sent an entity tag.
        validator: Option<String>,
    },
    /// There is no such module.
    NotFound,
    /// The request to send next. The answer is at another node, or at another path of the same one.
    Redirect(Request),
    /// The list is still the one that the request's validator names.
    Unchanged {
        /// The age of the answer.
        age: Duration,
        /// Whether the answer was fresh.
        cache_status: CacheStatus,
    },
}

impl Upstream {
    /// Reads the response to a request. These are answers:
    ///
    /// - a body of the API's form,
    /// - a 404 to the request for a module, with an error of the API,
    /// - a 304 to a request with an entity tag,
    /// - a redirect to a configured node.
    ///
    /// # Errors
    ///
    /// [`StoreError`], which names the node, for any other response.
    pub fn read(&self, request: &Request, response: Response) -> Result<Answer, StoreError> {
        let (age, cache_status) = (age(&response), CacheStatus::of(&response));
        match response.status {
            200 if response.body.len() > request.body_bytes => {
                let (name, limit) = (&request.name, request.body_bytes);
                let text = format!("{name} sent a body of more than {limit} bytes");
                Err(StoreError::TooLong(text))
            }
            200 => {
                let validator = entity_tag(&response).map(|tag| request.validator(tag));
                let coding = content_coding(&response).map(String::from);
                let mut body = response.body;
                if request.resource == Resource::Module {
                    body.pop_if(|last| *last == b'\n');
                }
                request.resource.check(&body).map_err(|error| match coding {
                    // Some hosts decode a body and leave the header field, so only a body that cannot be
                    // read counts as encoded.
                    Some(coding) => request.failed(&format!(
                        "the {} has the content-encoding {coding}, which was not asked for",
                        request.resource.name()
                    )),
                    None => request
                        .failed(&format!("the {} is refused: {error}", request.resource.name())),
                })?;
                Ok(Answer::Body { age, body, cache_status, validator })
            }
            // Others of this class ask for something else (300, 303) or are not in use.
            301 | 302 | 307 | 308 => self.redirect(request, &response).map(Answer::Redirect),
            304 if request.is_conditional() => Ok(Answer::Unchanged { age, cache_status }),
            404 if request.resource == Resource::Module => match is_error_of_api(&response.body) {
                true => Ok(Answer::NotFound),
                false => Err(request.failed("a 404 without an error of the API")),
            },
            404 | 405 if request.resource == Resource::Role => Ok(Answer::NotFound),
            status => {
                let text = format!("{} answered {status}", request.name);
                Err(match status {
                    401 | 403 => StoreError::Denied(text),
                    _ => StoreError::Unavailable(text),
                })
            }
        }
    }

    /// Returns whether a response leads to a configured node.
    pub(crate) fn leads_to_node(&self, request: &Request, response: &Response) -> bool {
        (300..400).contains(&response.status)
            && location(request, response).is_ok_and(|it| self.node_of(&it).is_some())
    }

    /// Returns the node of a location. If one node is below the path of another, the location is on it.
    fn node_of(&self, location: &Location) -> Option<usize> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.contains(location));
        nodes.max_by_key(|(_, node)| node.path("").len()).map(|(index, _)| index)
    }

    /// Makes the request that a redirect leads to, which is to a configured node, and never in a circle.
    fn redirect(&self, request: &Request, response: &Response) -> Result<Request, StoreError> {
        let refused = |why: &str| {
            let (name, status) = (&request.name, response.status);
            StoreError::Unavailable(format!("{name} answered {status}, {why}"))
        };

        let location = location(request, response).map_err(|found| refused(&found))?;

        let node = self.node_of(&location);
        let validator = request.validator.as_deref();
        let next = |node| self.request(node, location.path.clone(), request.resource, validator);
        let Some(mut next) = node.and_then(next) else {
            let origin = url(location.scheme, &location.authority, "");
            return Err(refused(&format!("a redirect to {origin}, which is no configured node")));
        };

        next.redirected_from.clone_from(&request.redirected_from);
        next.redirected_from.push(request.url());
        if next.redirected_from.contains(&next.url()) {
            return Err(refused("a redirect in a circle"));
        }
        if next.redirected_from.len() > MOST_REDIRECTS {
            return Err(refused(&format!("more than {MOST_REDIRECTS} redirects")));
        }
        Ok(next)
    }
}

/// The most redirects that are followed one after the other.
const MOST_REDIRECTS: usize = 4;

impl Resource {
    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Module => "module",
            Self::Role => "role",
        }
    }

    /// Checks that a body has the form of the API. A gateway can send 200 with a page of its own.
    fn check(self, body: &[u8]) -> Result<(), SyntaxError> {
        match self {
            Self::List => split(body).map(drop),
            Self::Module | Self::Role => json::check_object(json::decode(body)?),
        }
    }
}

/// Returns whether the body of an error is the API's: an object with an `error_code`. The API reference
/// names no code for a module that does not exist, so each code counts. A gateway's own 404 has none.
pub(super) fn is_error_of_api(body: &[u8]) -> bool {
    let mut members = [Value::NULL];
    let read = json::decode(body)
        .and_then(|text| json::rewrite(text, json::DEEPEST, &["error_code"], &mut members));
    let [error_code] = members;
    read.is_ok() && error_code.kind == Kind::String
}

/// Returns the entity tag of a response, if it has one that can be sent back.
fn entity_tag(response: &Response) -> Option<&str> {
    let tag = core::str::from_utf8(headers::single(&response.headers, "etag")?).ok()?.trim_ascii();
    is_entity_tag(tag).then_some(tag)
}

/// Returns the content codings of a body (RFC 9110, section 8.4), if it has some.
fn content_coding(response: &Response) -> Option<&str> {
    let mut values = headers::values(&response.headers, "content-encoding");
    let coding = core::str::from_utf8(values.next()?).ok()?.trim_ascii();
    let is_list = coding.split(',').all(|coding| headers::is_name(coding.trim_ascii()));
    let is_encoded = is_list && !coding.eq_ignore_ascii_case("identity");
    (is_encoded && coding.len() <= 64).then_some(coding)
}

/// Returns whether a text is an entity tag (RFC 9110, section 8.8.3), and not a very long one.
pub(super) fn is_entity_tag(tag: &str) -> bool {
    const LONGEST: usize = 512;
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = opaque.strip_prefix('"').and_then(|opaque| opaque.strip_suffix('"'));
    let is_sound = |inner: &str| inner.bytes().all(|it| it.is_ascii_graphic() && it != b'"');
    inner.is_some_and(is_sound) && tag.len() <= LONGEST
}

/// Returns the location of a redirect, or what is wrong with it.
fn location(request: &Request, response: &Response) -> Result<Location, String> {
    let location = headers::single(&response.headers, "location");
    let location = location.ok_or("without one location")?;
    Location::resolve(location, &request.url()).map_err(|found| format!("with {found}"))
}

/// Returns the age (RFC 9111, section 5.1), zero if it is absent or cannot be read.
fn age(response: &Response) -> Duration {
    let seconds = |value: &[u8]| -> Option<u32> {
        let digits = core::str::from_utf8(value.trim_ascii()).ok()?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A number that is too large stands for a very old answer (RFC 9111, section 1.2.2).
        Some(digits.parse().unwrap_or(u32::MAX))
    };
    // Of a list the first member counts.
    let first = headers::values(&response.headers, "age").next();
    let first = first.and_then(|value| value.split(|byte| *byte == b',').next());
    let age = first.and_then(seconds);
    Duration::from_secs(age.unwrap_or(0).into())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;
    use crate::upstream::{Credentials, Node};

    fn upstream() -> Upstream {
        let nodes = ["https://node1:9443", "https://node2:9443"];
        let credentials = Credentials::basic("ann", "secret").unwrap();
        Upstream::new(nodes.map(|url| Node::parse(url).unwrap()).into())
            .unwrap()
            .with_credentials(credentials)
            .with_body_bytes(10)
    }

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), Vec::from(*value)));
        Response { status, headers: headers.collect(), body: body.into() }
    }

    const VALIDATOR: &str = "https://node1:9443/v1/modules \"a\"";

    /// The answer to the request for the list, which went out with an entity tag.
    fn list(response: Response) -> Result<Answer, String> {
        let upstream = upstream();
        let request = upstream.list(0, Some(VALIDATOR)).unwrap();
        upstream.read(&request, response).map_err(|error| error.to_string())
    }

    fn module(response: Response) -> Result<Answer, String> {
        let upstream = upstream();
        let request = upstream.module(0, "a").unwrap();
        upstream.read(&request, response).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_comes_with_its_validator_and_age() {
        let whole = |headers: &[(&str, &str)]| match list(response(200, headers, "[]\n")) {
            Ok(Answer::Body { age, body, validator, .. }) => {
                assert_eq!(body, b"[]\n");
                (validator, age.as_secs())
            }
            answer => panic!("{answer:?}"),
        };
        assert_eq!(whole(&[]), (None, 0));
        for (field, tag) in [
            ("\"x\"", Some("\"x\"")),
            (" W/\"x\" ", Some("W/\"x\"")),
            ("\"\"", Some("\"\"")),
            ("\"", None),
            ("x", None),
            ("w/\"x\"", None),
            ("\"a\"b\"", None),
            ("\"a b\"", None),
            ("\"é\"", None),
            (&format!("\"{}\"", "x".repeat(511)), None),
        ] {
            let validator = tag.map(|tag| format!("https://node1:9443/v1/modules {tag}"));
            assert_eq!(whole(&[("ETag", field)]).0, validator, "{field}");
        }
        for (field, age) in [
            ("7", 7),
            (" 7 ", 7),
            ("7200, 5", 7200),
            ("99999999999", u32::MAX.into()),
            ("", 0),
            ("+7", 0),
            ("x", 0),
        ] {
            assert_eq!(whole(&[("Age", field)]).1, age, "{field}");
        }
    }

    #[test]
    fn a_304_is_unchanged_only_after_a_conditional_request() {
        let unchanged = response(304, &[("age", "3")], "");
        let age = Duration::from_secs(3);
        assert_eq!(
            list(unchanged.clone()),
            Ok(Answer::Unchanged { age, cache_status: CacheStatus::Absent })
        );
        let upstream = upstream();
        let request = upstream.list(0, None).unwrap();
        let error = upstream.read(&request, unchanged).unwrap_err();
        assert_eq!(error, StoreError::Unavailable("https://node1:9443 answered 304".into()));
    }

    #[test]
    fn a_module_is_a_200_or_a_404_with_an_error_code() {
        for (sent, expected) in [("{}\n", "{}"), ("{}\n\n", "{}\n"), ("{}", "{}")] {
            let body = expected.into();
            let (age, cache_status) = (Duration::ZERO, CacheStatus::Absent);
            let answer = Answer::Body { age, body, cache_status, validator: None };
            assert_eq!(module(response(200, &[], sent)), Ok(answer));
        }
        let missing = r#" {"description":"no such module","error_code":"module_not_exist"} "#;
        assert_eq!(module(response(404, &[], missing)), Ok(Answer::NotFound));
        let error = module(response(304, &[], "")).unwrap_err();
        assert_eq!(error, "the store is unavailable: https://node1:9443 answered 304");
    }

    #[test]
    fn a_404_that_is_no_error_of_the_api_is_a_failure_of_its_node() {
        let expected =
            "the store is unavailable: https://node1:9443: a 404 without an error of the API";
        for body in [
            "",
            "<html>default backend - 404</html>",
            "default backend - 404",
            "null",
            "{}",
            r#"{"message":"no Route matched with those values"}"#,
            r#"{"error_code":404}"#,
            r#"{"error_code":"module_not_exist""#,
            r#"{"error":{"error_code":"module_not_exist"}}"#,
            r#"["module_not_exist"]"#,
            r#"[{"error_code":"module_not_exist"}]"#,
        ] {
            assert_eq!(module(response(404, &[], body)), Err(expected.into()), "{body}");
        }
    }

    #[test]
    fn a_body_of_another_form_is_a_failure_of_its_node() {
        let refused = |what: &str, error: &str| {
            let error = format!("https://node1:9443: {what} is refused: line 1, column {error}");
            Err(format!("the store is unavailable: {error}"))
        };
        for (body, error) in [
            ("", "1: unexpected end"),
            ("<html>", "1: unexpected `<`"),
            ("{}", "1: expected an array"),
            ("[1]", "2: a number, expected a module object"),
            ("[{\"a\":", "6: unexpected end"),
        ] {
            assert_eq!(list(response(200, &[], body)), refused("the list", error), "{body}");
        }
        for (body, error) in [
            ("", "1: unexpected end"),
            ("<html>", "1: unexpected `<`"),
            (" []", "2: expected an object"),
            ("\"a\"", "1: expected an object"),
            ("{} {}", "4: unexpected `{`"),
            ("{\"a\":", "5: unexpected end"),
        ] {
            assert_eq!(module(response(200, &[], body)), refused("the module", error), "{body}");
        }

        // What is in the objects is a matter of the catalog.
        assert!(list(response(200, &[], "[{\"a\":1}]")).is_ok());
        assert!(module(response(200, &[], "{\"uid\":1}")).is_ok());
    }

    #[test]
    fn an_error_names_the_content_encoding_of_a_body() {
        let encoded = |value: &str, body: &str| {
            let headers = [("Content-Encoding", value)];
            (list(response(200, &headers, body)), module(response(200, &headers, body)))
        };
        for value in ["gzip", " br ", "deflate, gzip"] {
            let failed = |what: &str| {
                let (name, coding) = ("https://node1:9443", value.trim());
                Err(format!(
                    "the store is unavailable: {name}: the {what} has the content-encoding {coding}, \
                     which was not asked for"
                ))
            };
            assert_eq!(encoded(value, "\u{1f}\u{8b}"), (failed("list"), failed("module")));
        }

        // Hosts that decode a body may leave the header field.
        assert!(encoded("gzip", "[]").0.is_ok() && encoded("gzip", "{}").1.is_ok());
        for value in ["identity", "", "a b", "é", &"x".repeat(65)] {
            let (list, _) = encoded(value, "<html>");
            assert!(list.unwrap_err().contains("the list is refused: line 1"), "{value}");
        }
    }

    #[test]
    fn other_statuses_are_errors_of_their_node() {
        for (status, expected) in [
            (401, "the store denied access: https://node1:9443 answered 401"),
            (403, "the store denied access: https://node1:9443 answered 403"),
            (204, "the store is unavailable: https://node1:9443 answered 204"),
            (206, "the store is unavailable: https://node1:9443 answered 206"),
            (303, "the store is unavailable: https://node1:9443 answered 303"),
            (500, "the store is unavailable: https://node1:9443 answered 500"),
            (503, "the store is unavailable: https://node1:9443 answered 503"),
        ] {
            assert_eq!(list(response(status, &[], "[]")), Err(expected.into()));
            assert_eq!(module(response(status, &[], "{}")), Err(expected.into()));
        }
        let expected = "the store is unavailable: https://node1:9443 answered 404";
        assert_eq!(list(response(404, &[], "[]")), Err(expected.into()));
        assert!(list(response(200, &[], "[        ]")).is_ok());
        let expected = "the store's answer is too long: https://node1:9443 sent a body of more than \
                        10 bytes";
        assert_eq!(list(response(200, &[], "[         ]")), Err(expected.into()));
        assert_eq!(module(response(200, &[], "{         }")), Err(expected.into()));
    }

    #[test]
    fn a_redirect_to_a_configured_node_is_followed() {
        for status in [301, 302, 307, 308] {
            let location = [("location", "https://node2:9443/v1/modules?x")];
            let Ok(Answer::Redirect(request)) = list(response(status, &location, "")) else {
                panic!("{status}");
            };
            assert_eq!((request.node, &*request.path), (1, "/v1/modules?x"));
            // The entity tag belongs to the URL that was left.
            let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["accept", "authorization"]);
        }
        let location = [("location", "https://node2:9443/v1/modules/a")];
        let Ok(Answer::Redirect(request)) = module(response(307, &location, "")) else {
            panic!();
        };
        assert_eq!(request.url(), "https://node2:9443/v1/modules/a");
    }

    #[test]
    fn a_redirect_elsewhere_is_an_error() {
        let origin = "the store is unavailable: https://node1:9443 answered 307";
        for (headers, expected) in [
            (&[][..], "without one location"),
            (&[("location", "/a"), ("location", "/b")], "without one location"),
            (&[("location", "https://[")], "with a location that is no URL"),
            (&[("location", "https://ann:pw@node2:9443/")], "with a URL with credentials in it"),
            (
                &[("location", "https://evil:9443/?token")],
                "a redirect to https://evil:9443, which is no configured node",
            ),
            (
                &[("location", "http://node1:9443/")],
                "a redirect to http://node1:9443, which is no configured node",
            ),
            (
                &[("location", "https://node1/")],
                "a redirect to https://node1, which is no configured node",
            ),
            (&[("location", "/v1/modules")], "a redirect in a circle"),
        ] {
            assert_eq!(list(response(307, headers, "")), Err(format!("{origin}, {expected}")));
        }
    }

    #[test]
    fn a_redirect_stays_below_the_path_of_a_node() {
        let nodes = ["https://gw/c1", "https://gw/c2"].map(|url| Node::parse(url).unwrap());
        let upstream = Upstream::new(nodes.into()).unwrap();
        let request = upstream.list(0, None).unwrap();
        for (location, node) in [
            ("/c1/v1", Some(0)),
            ("https://GW:443/c2/v1/modules?x", Some(1)),
            ("/c1", None),
            ("/c12/v1", None),
            ("/c1/../c3", None),
            ("/c1/%2e%2e/c3", None),
            ("/", None),
        ] {
            let answer = upstream.read(&request, response(307, &[("location", location)], ""));
            match (answer, node) {
                (Ok(Answer::Redirect(next)), Some(node)) => assert_eq!(next.node, node),
                (answer, node) => {
                    let expected = "the store is unavailable: https://gw/c1 answered 307, \
                                    a redirect to https://gw, which is no configured node";
                    assert_eq!(answer.unwrap_err().to_string(), expected, "{location}");
                    assert_eq!(node, None);
                }
            }
        }
    }

    #[test]
    fn more_than_four_redirects_or_a_circle_are_an_error() {
        let upstream = upstream();
        let to = |url: &str| response(307, &[("location", url)], "");
        let mut request = upstream.list(0, None).unwrap();
        for path in ["/1", "/2", "/3", "/4"] {
            let answer = upstream.read(&request, to(path));
            let Ok(Answer::Redirect(next)) = answer else { panic!("{answer:?}") };
            request = next;
        }
        let error = upstream.read(&request, to("/5")).unwrap_err().to_string();
        assert!(error.ends_with("answered 307, more than 4 redirects"), "{error}");
        let error = upstream.read(&request, to("/v1/modules")).unwrap_err().to_string();
        assert!(error.ends_with("answered 307, a redirect in a circle"), "{error}");
        assert_eq!(vec![request.node], [0]);
    }
}
