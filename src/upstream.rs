//! The upstream: the REST API of a cluster, asked over HTTP.
//!
//! An [`Upstream`] makes the requests and reads the responses. A shell sends the one and receives the
//! other, so every shell asks a cluster in the same way.
//!
//! > Credentials go to configured nodes and nowhere else. A redirect to another server is an error.
//!
//! ```
//! use ccs_modules::upstream::{Answer, Credentials, Node, Response, Upstream};
//!
//! let nodes = vec![Node::parse("https://node1:9443")?, Node::parse("https://node2:9443")?];
//! let upstream = Upstream::new(nodes)?.with_credentials(Credentials::basic("ann", "secret")?);
//!
//! let request = upstream.list(0, None).unwrap();
//! assert_eq!(request.url(), "https://node1:9443/v1/modules");
//! assert_eq!(request.headers[0], ("accept".to_string(), "application/json".to_string()));
//!
//! let response = Response { status: 200, headers: vec![], body: b"[]\n".to_vec() };
//! let Ok(Answer::Body { body, .. }) = upstream.read(&request, response) else {
//!     unreachable!("200 has a body");
//! };
//! assert_eq!(body, b"[]\n");
//!
//! // The node that is not the primary sends the caller to the one that is.
//! let location = ("location".to_string(), b"https://node2:9443/v1/modules".to_vec());
//! let response = Response { status: 307, headers: vec![location], body: vec![] };
//! let Ok(Answer::Redirect(request)) = upstream.read(&request, response) else {
//!     unreachable!("node2 is configured");
//! };
//! assert_eq!(request.node, 1);
//! # Ok::<(), ccs_modules::config::Error>(())
//! ```

mod cache_status;
mod call;
mod credentials;
mod node;
mod path;
mod refusals;
mod rejection;
mod response;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::config;
use crate::error::StoreError;
use crate::headers;
use crate::upstream::path::ModulePath;

pub use crate::upstream::cache_status::CacheStatus;
pub use crate::upstream::call::{Call, Exchange, Next};
pub use crate::upstream::credentials::Credentials;
pub use crate::upstream::node::{Node, Scheme};
pub use crate::upstream::refusals::Refusals;
pub(crate) use crate::upstream::rejection::Rejection;
pub use crate::upstream::response::{Answer, Response};

/// The REST API of a cluster: its nodes, and the requests to them.
#[derive(Clone)]
pub struct Upstream {
    nodes: Vec<Node>,
    /// The header fields of every request, names in lower case, each once.
    headers: Vec<(String, String)>,
    list: String,
    module: Option<ModulePath>,
    timeout: Duration,
    body_bytes: usize,
}

impl Upstream {
    /// Makes an upstream of these nodes, without credentials, at the documented paths, with a timeout of
    /// 5 seconds, for bodies of at most 8 MiB.
    ///
    /// # Errors
    ///
    /// If there is no node, or two are the same.
    pub fn new(nodes: Vec<Node>) -> Result<Self, config::Error> {
        if nodes.is_empty() {
            return Err(config::Error::new("nodes", "empty, expected at least one URL"));
        }
        for (index, node) in nodes.iter().enumerate() {
            if nodes.iter().take(index).any(|earlier| earlier == node) {
                return Err(config::Error::new(format!("nodes[{index}]"), "the same as another"));
            }
        }

        Ok(Self {
            nodes,
            headers: Vec::from([("accept".into(), "application/json".into())]),
            list: "/v1/modules".into(),
            module: ModulePath::parse("/v1/modules/{uid}"),
            timeout: Duration::from_secs(5),
            body_bytes: 8 << 20,
        })
    }

    /// Sends these credentials with every request, in place of others.
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        authorize(&mut self.headers, credentials);
        self
    }

    /// Sends these header fields with every request.
    ///
    /// # Errors
    ///
    /// If a name or a value is not valid in a header field, or if the field is set already. `accept`, `host`
    /// and `if-none-match` are always set, and `authorization` is set if there are credentials.
    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Result<Self, config::Error> {
        for (name, value) in headers {
            let refused =
                |reason: &'static str| Err(config::Error::new(format!("headers.{name}"), reason));
            if !headers::is_name(&name) {
                return Err(config::Error::new("headers", "expected names of header fields"));
            }
            if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
                return refused("expected the value of a header field");
            }

            let lower = name.to_ascii_lowercase();
            if matches!(&*lower, "host" | "if-none-match")
                || self.headers.iter().any(|(set, _)| *set == lower)
            {
                return refused("this header field is set already");
            }

            self.headers.push((lower, value));
        }
        Ok(self)
    }

    /// Asks for the list at this path, escaped if need be, instead of `/v1/modules`.
    ///
    /// # Errors
    ///
    /// If it is not a path.
    pub fn with_list_path(mut self, list: &str) -> Result<Self, config::Error> {
        if !path::is_path(list) {
            return Err(config::Error::new("list", "expected a path, escaped where need be"));
        }
        self.list = list.into();
        Ok(self)
    }

    /// Asks for a module at this path, instead of `/v1/modules/{uid}`. If the path is `None`, a module is
    /// never asked for, and has to be looked up in the list.
    ///
    /// # Errors
    ///
    /// If it is not a path with `{uid}` in it once.
    pub fn with_module_path(mut self, module: Option<&str>) -> Result<Self, config::Error> {
        const EXPECTED: &str = "expected a path, escaped where need be, with {uid} in it once";
        let parse =
            |path| ModulePath::parse(path).ok_or_else(|| config::Error::new("module", EXPECTED));
        self.module = module.map(parse).transpose()?;
        Ok(self)
    }

    /// Waits this long for a response, body included.
    ///
    /// # Errors
    ///
    /// If it is zero or longer than 10 minutes.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<Self, config::Error> {
        self.timeout = check_timeout(timeout)?;
        Ok(self)
    }

    /// Takes bodies of at most this many bytes.
    pub fn with_body_bytes(mut self, body_bytes: usize) -> Self {
        self.body_bytes = body_bytes;
        self
    }

    /// Returns the nodes, in the order of the configuration.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the time after which a request without a response has failed.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes the request for the list; `None` if there is no such node.
    ///
    /// The request is conditional if the validator is that of a body from the same URL. Entity tags of
    /// different nodes cannot be compared.
    pub fn list(&self, node: usize, validator: Option<&str>) -> Option<Request> {
        let path = self.nodes.get(node)?.path(&self.list);
        self.request(node, path, Resource::List, validator)
    }

    /// Makes the request for the module with this uid; `None` if there is no such node, or the module
    /// must be looked up in the list. A uid never leads to another path.
    pub fn module(&self, node: usize, uid: &str) -> Option<Request> {
        let path = self.nodes.get(node)?.path(&self.module.as_ref()?.with(uid)?);
        self.request(node, path, Resource::Module, None)
    }

    /// Makes the request for the role of the user whose credentials are sent; `None` if there is no such
    /// node. Clusters have this path since 2026.
    pub(crate) fn role(&self, node: usize) -> Option<Request> {
        let path = self.nodes.get(node)?.path("/v1/users/role");
        self.request(node, path, Resource::Role, None)
    }

    fn request(
        &self,
        index: usize,
        path: String,
        resource: Resource,
        validator: Option<&str>,
    ) -> Option<Request> {
        let node = self.nodes.get(index)?;
        let mut request = Request {
            node: index,
            scheme: node.scheme(),
            authority: node.authority().into(),
            path,
            headers: self.headers.clone(),
            body_bytes: self.body_bytes,
            name: format!("{node}"),
            resource,
            validator: validator.map(String::from),
            redirected_from: Vec::new(),
        };

        let prefix = request.validator("");
        let entity_tag = validator.and_then(|validator| validator.strip_prefix(&*prefix));
        if let Some(entity_tag) = entity_tag.filter(|tag| response::is_entity_tag(tag)) {
            request.headers.push(("if-none-match".into(), entity_tag.into()));
        }
        Some(request)
    }
}

impl fmt::Debug for Upstream {
    /// Shows no value of a header field, since any of them can be a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// Checks that a timeout is not zero and not longer than 10 minutes.
pub(crate) fn check_timeout(timeout: Duration) -> Result<Duration, config::Error> {
    if timeout.is_zero() || timeout > Duration::from_secs(600) {
        return Err(config::Error::new("timeout_ms", "expected 1 to 600000"));
    }
    Ok(timeout)
}

/// Puts the credentials into header fields, in place of others.
fn authorize(headers: &mut Vec<(String, String)>, credentials: Credentials) {
    headers.retain(|(name, _)| name != "authorization");
    headers.push(("authorization".into(), credentials.into_field()));
}

/// A GET request to a node. It has no body.
#[derive(Clone, Eq, PartialEq)]
pub struct Request {
    /// The index of the node among the configured ones.
    pub node: usize,
    /// The scheme of the URL.
    pub scheme: Scheme,
    /// The host, and the port unless it is the scheme's own.
    pub authority: String,
    /// The path, and the query if there is one, escaped.
    pub path: String,
    /// The header fields, names in lower case, each once. They contain the credentials.
    pub headers: Vec<(String, String)>,
    /// The most bytes of a body that are accepted. Reading one more is enough to see that a body is too
    /// long.
    pub body_bytes: usize,
    /// The URL of the node, its name in messages.
    name: String,
    resource: Resource,
    /// The validator of the list that is known.
    validator: Option<String>,
    /// The URLs that redirected here, the first one first.
    redirected_from: Vec<String>,
}

impl Request {
    /// Returns the absolute URL. It contains no credentials.
    pub fn url(&self) -> String {
        url(self.scheme, &self.authority, &self.path)
    }

    /// Replaces the credentials of the request, for a shell that reads them anew.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        authorize(&mut self.headers, credentials);
        self
    }

    /// Makes the error for a request without a response. `why` is in the shell's own words, without
    /// credentials.
    pub fn failed(&self, why: &str) -> StoreError {
        StoreError::Unavailable(format!("{}: {why}", self.name))
    }

    /// Returns the validator of a body that came from this URL with this entity tag.
    fn validator(&self, entity_tag: &str) -> String {
        format!("{} {entity_tag}", self.url())
    }

    fn is_conditional(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "if-none-match")
    }
}

/// The resource that a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Resource {
    List,
    Module,
    Role,
}

impl fmt::Debug for Request {
    /// Shows no value of a header field, since any of them can be a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("url", &self.url())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

fn url(scheme: Scheme, authority: &str, path: &str) -> String {
    format!("{scheme}://{authority}{path}")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::*;

    fn upstream() -> Upstream {
        let nodes = ["https://node1:9443", "http://gateway/redis/"];
        Upstream::new(nodes.map(|url| Node::parse(url).unwrap()).into()).unwrap()
    }

    fn headers(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn a_list_is_asked_for_at_its_node() {
        let credentials = Credentials::basic("ann", "secret").unwrap();
        let upstream = upstream()
            .with_credentials(credentials)
            .with_headers(headers(&[("X-Team", "a b")]))
            .unwrap();
        let validator = Some("https://node1:9443/v1/modules \"tag\"");
        let request = upstream.list(0, validator).unwrap();
        assert_eq!(request.url(), "https://node1:9443/v1/modules");
        let expected = [
            ("accept", "application/json"),
            ("authorization", "Basic YW5uOnNlY3JldA=="),
            ("x-team", "a b"),
            ("if-none-match", "\"tag\""),
        ];
        assert_eq!(request.headers, headers(&expected));
        // The entity tag of another node has no meaning, and a text that is not an entity tag is not sent.
        for validator in [validator, Some("http://gateway/redis/v1/modules \"a\"\r\nx: y\"")] {
            assert_eq!(upstream.list(1, validator).unwrap().headers, headers(&expected[..3]));
        }
        let request = upstream.list(1, None).unwrap();
        assert_eq!((request.node, request.scheme), (1, Scheme::Http));
        assert_eq!((&*request.authority, &*request.path), ("gateway", "/redis/v1/modules"));
        assert_eq!(request.headers, headers(&expected[..3]));
        let renewed = request.with_credentials(Credentials::basic("ann", "new").unwrap());
        let expected = [expected[0], ("x-team", "a b"), ("authorization", "Basic YW5uOm5ldw==")];
        assert_eq!(renewed.headers, headers(&expected));
        assert_eq!(upstream.list(2, None), None);
    }

    #[test]
    fn a_module_is_asked_for_at_a_path_of_its_own() {
        let path = |upstream: &Upstream, uid| Some(upstream.module(0, uid)?.path);
        let upstream = upstream();
        assert_eq!(path(&upstream, "a/b").as_deref(), Some("/v1/modules/a%2Fb"));
        assert_eq!(upstream.module(1, "a").unwrap().path, "/redis/v1/modules/a");
        assert_eq!((path(&upstream, ".."), upstream.module(2, "a")), (None, None));
        let other = upstream.clone().with_module_path(Some("/m?uid={uid}")).unwrap();
        assert_eq!(path(&other, "a").as_deref(), Some("/m?uid=a"));
        assert_eq!(path(&upstream.with_module_path(None).unwrap(), "a"), None);
    }

    #[test]
    fn errors_of_nodes_headers_and_paths_name_the_option() {
        let node = |url| Node::parse(url).unwrap();
        let twice = vec![node("https://a/x"), node("https://a/y"), node("HTTPS://A:443/x/")];
        let with = |fields: &[(&str, &str)]| upstream().with_headers(headers(fields)).map(drop);
        let credentials = Credentials::basic("ann", "secret").unwrap();
        let authorization = headers(&[("Authorization", "Bearer x")]);
        for (outcome, expected) in [
            (Upstream::new(vec![]).map(drop), "nodes: empty, expected at least one URL"),
            (Upstream::new(twice).map(drop), "nodes[2]: the same as another"),
            (with(&[("a b", "")]), "headers: expected names of header fields"),
            (with(&[("a", "\n")]), "headers.a: expected the value of a header field"),
            (with(&[("Accept", "*")]), "headers.Accept: this header field is set already"),
            (with(&[("Host", "x")]), "headers.Host: this header field is set already"),
            (with(&[("x", "1"), ("X", "2")]), "headers.X: this header field is set already"),
            (
                upstream().with_credentials(credentials).with_headers(authorization).map(drop),
                "headers.Authorization: this header field is set already",
            ),
            (
                upstream().with_list_path("v1").map(drop),
                "list: expected a path, escaped where need be",
            ),
            (
                upstream().with_module_path(Some("/v1")).map(drop),
                "module: expected a path, escaped where need be, with {uid} in it once",
            ),
            (upstream().with_timeout(Duration::ZERO).map(drop), "timeout_ms: expected 1 to 600000"),
            (
                upstream().with_timeout(Duration::from_millis(600_001)).map(drop),
                "timeout_ms: expected 1 to 600000",
            ),
        ] {
            assert_eq!(outcome.map_err(|error| error.to_string()), Err(expected.into()));
        }
        let upstream = upstream().with_headers(headers(&[("Authorization", "Bearer x")])).unwrap();
        let upstream = upstream.with_credentials(Credentials::basic("ann", "secret").unwrap());
        let fields = upstream.list(0, None).unwrap().headers;
        let values = fields.iter().filter(|(name, _)| name == "authorization");
        assert_eq!(
            values.map(|(_, value)| &**value).collect::<Vec<_>>(),
            ["Basic YW5uOnNlY3JldA=="]
        );
    }

    #[test]
    fn credentials_are_shown_nowhere() {
        let upstream = upstream()
            .with_credentials(Credentials::basic("ann", "secret").unwrap())
            .with_headers(headers(&[("x-key", "secret")]))
            .unwrap();
        let request = upstream.list(0, None).unwrap();
        let error = request.failed("connection refused");
        assert_eq!(
            error.to_string(),
            "the store is unavailable: https://node1:9443: connection refused"
        );
        for shown in [format!("{upstream:?}"), format!("{request:?}"), format!("{error:?}")] {
            for secret in ["ann", "secret", "YW5u"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
