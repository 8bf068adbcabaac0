//! The nodes of a cluster.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;

use fluent_uri::{Uri, UriRef};

use crate::config;

/// A node of a cluster: the URL under which its REST API is found.
#[derive(Clone, Eq, PartialEq)]
pub struct Node {
    scheme: Scheme,
    authority: String,
    /// The path before `/v1/modules`, without a slash at its end.
    base: String,
}

impl Node {
    /// Parses the URL of a node, such as `https://node1:9443`, or with a path if a gateway is in front.
    /// The URL of the list stands for its node.
    ///
    /// # Errors
    ///
    /// If it is not a URL of scheme http or https, or contains credentials, a query or a fragment.
    pub fn parse(url: &str) -> Result<Self, config::Error> {
        let refused = |reason: &'static str| config::Error::new("url", reason);
        let uri = Uri::parse(url)
            .map_err(|_| refused("expected a URL such as https://node1:9443"))?
            .normalize();
        if uri.has_query() || uri.has_fragment() {
            return Err(refused("expected a URL without a query and a fragment"));
        }
        let location = Location::of(&uri).map_err(refused)?;
        // People copy the URL of the list.
        let path = location.path.trim_end_matches('/');
        let base = path.strip_suffix("/v1/modules").unwrap_or(path).to_owned();
        Ok(Self { scheme: location.scheme, authority: location.authority, base })
    }

    /// Returns the scheme of the URL.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host, in lower case, and the port unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the path of this node for a path of the REST API.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns whether a location is on this node: on its server, and below its path.
    pub(super) fn contains(&self, location: &Location) -> bool {
        let below = location.path.strip_prefix(&*self.base);
        self.scheme == location.scheme
            && self.authority == location.authority
            && below.is_some_and(|below| below.starts_with('/'))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({self})")
    }
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Returns the scheme as a URL has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A URL, taken apart.
pub(super) struct Location {
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    /// The path and the query, from the first slash on.
    pub(super) path: String,
}

impl Location {
    /// Resolves the value of a header field `location` against the URL of the request.
    pub(super) fn resolve(location: &[u8], request_url: &str) -> Result<Self, &'static str> {
        const UNREADABLE: &str = "a location that is no URL";
        let location = core::str::from_utf8(location).map_err(|_| UNREADABLE)?;
        let base = Uri::parse(request_url).map_err(|_| UNREADABLE)?;
        let reference = UriRef::parse(location.trim()).map_err(|_| UNREADABLE)?;
        let uri = reference.resolve_against(&base).map_err(|_| UNREADABLE)?;
        Self::of(&uri.normalize())
    }

    /// Takes apart a normalized URL.
    fn of(uri: &Uri<String>) -> Result<Self, &'static str> {
        let scheme = match uri.scheme().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("a URL of another scheme than http and https"),
        };

        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("a URL without a host")?;
        if authority.has_userinfo() {
            return Err("a URL with credentials in it");
        }
        if authority.port_to_u16().is_err() {
            return Err("a URL with a port above 65535");
        }

        let path = match (uri.path().as_str(), uri.query()) {
            (path, Some(query)) => format!("{path}?{query}"),
            ("", None) => "/".into(),
            (path, None) => path.into(),
        };
        Ok(Self { scheme, authority: authority.as_str().into(), path })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_node_is_a_url() {
        for (url, expected) in [
            ("https://node1:9443", "https://node1:9443"),
            ("HTTPS://Node1:443/", "https://node1"),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
            ("https://[2001:DB8::1]:9443", "https://[2001:db8::1]:9443"),
            ("http://gateway/redis/", "http://gateway/redis"),
            ("http://gateway/a/../b", "http://gateway/b"),
            ("https://node1:9443/v1/modules/", "https://node1:9443"),
            ("http://gateway/redis/v1/modules", "http://gateway/redis"),
        ] {
            assert_eq!(Node::parse(url).unwrap().to_string(), expected, "{url}");
        }
    }

    #[test]
    fn a_url_that_is_no_node_is_refused_without_being_shown() {
        for (url, expected) in [
            ("", "expected a URL such as https://node1:9443"),
            ("node1", "expected a URL such as https://node1:9443"),
            ("https://node 1", "expected a URL such as https://node1:9443"),
            ("node1:9443", "a URL of another scheme than http and https"),
            ("ftp://node1", "a URL of another scheme than http and https"),
            ("https:/node1", "a URL without a host"),
            ("https://:9443", "a URL without a host"),
            ("https://ann:secret@node1", "a URL with credentials in it"),
            ("https://@node1", "a URL with credentials in it"),
            ("https://node1:65536", "a URL with a port above 65535"),
            ("https://node1?secret", "expected a URL without a query and a fragment"),
            ("https://node1#secret", "expected a URL without a query and a fragment"),
        ] {
            let error = Node::parse(url).unwrap_err().to_string();
            assert_eq!(error, format!("url: {expected}"), "{url}");
        }
    }

    #[test]
    fn a_location_is_resolved_against_the_request() {
        let resolve = |location: &str| {
            let base = "https://node1:9443/v1/modules";
            let Location { scheme, authority, path } =
                Location::resolve(location.as_bytes(), base).ok()?;
            Some(format!("{scheme} {authority} {path}"))
        };
        for (location, expected) in [
            ("https://NODE2:9443/v1/modules", Some("https node2:9443 /v1/modules")),
            ("//node2/x?y#z", Some("https node2 /x?y")),
            ("/v2?a", Some("https node1:9443 /v2?a")),
            ("other", Some("https node1:9443 /v1/other")),
            ("../..", Some("https node1:9443 /")),
            ("http://node2:80", Some("http node2 /")),
            ("https://ann:secret@node1:9443/", None),
            ("javascript:x", None),
            ("https://[", None),
        ] {
            assert_eq!(resolve(location).as_deref(), expected, "{location}");
        }
        assert!(Location::resolve(b"\xff", "https://node1").is_err());
    }
}
