//! The address of a cluster.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ccs_modules::upstream::{Node, Scheme};
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The address of a cluster, by its REST API:
/// `https://NODE[:PORT][,https://NODE[:PORT]...][?ca=PATH][&name=NAME][&cert=PATH&key=PATH][&credentials=PATH]`.
///
/// - The nodes are asked in this order: the next one after a failure. A redirect is followed to these
///   nodes only. With `http` instead of `https` nothing is encrypted.
/// - `ca`: a PEM file with the certificates to trust instead of the system's, of authorities or the
///   nodes' own.
/// - `name`: the name in the nodes' certificates, if the host is another one, such as a forwarded port.
/// - `cert` and `key`: the client's own certificate chain and its private key, PEM. They are read again for
///   each request, and so is `ca`.
/// - `credentials`: a file with a user and a password, or with a token, see [`read_credentials`].
///
/// Special characters are percent-encoded. An address with a user or a password in it is refused: other
/// users of a machine see its command lines.
///
/// [`read_credentials`]: super::read_credentials
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    nodes: Vec<Node>,
    ca: Option<PathBuf>,
    name: Option<String>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    credentials: Option<PathBuf>,
}

/// The error for a text that is not the address of a cluster. It does not repeat the text, which may
/// contain a password.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not the address of a cluster: {0}")]
pub struct ClusterAddressError(String);

impl ClusterAddress {
    /// The nodes, at least one, in the order in which they are asked.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The file with the certificates to trust instead of the system's.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The name in the certificates of the nodes, if that is not the host.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The files with the client's own certificate chain, and with its private key.
    pub fn certificate(&self) -> Option<(&Path, &Path)> {
        self.cert.as_deref().zip(self.key.as_deref())
    }

    /// The file with the credentials.
    pub fn credentials(&self) -> Option<&Path> {
        self.credentials.as_deref()
    }

    /// Whether every node is asked over TLS.
    pub fn is_encrypted(&self) -> bool {
        self.nodes.iter().all(|node| node.scheme() == Scheme::Https)
    }

    fn set(&mut self, parameter: &str) -> Result<(), ClusterAddressError> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| refused("a percent-encoded part is not UTF-8"))?;
        if value.is_empty() {
            return Err(refused("a parameter has no value"));
        }

        match name {
            "ca" | "name" | "cert" | "key"
                if !self.nodes.iter().any(|node| node.scheme() == Scheme::Https) =>
            {
                return Err(refused("the parameters ca, name, cert and key need https://"));
            }
            "ca" => self.ca = Some(PathBuf::from(value.as_ref())),
            "name" => self.name = Some(value.into()),
            "cert" => self.cert = Some(PathBuf::from(value.as_ref())),
            "key" => self.key = Some(PathBuf::from(value.as_ref())),
            "credentials" => self.credentials = Some(PathBuf::from(value.as_ref())),
            _ => {
                let expected = "unknown parameter, expected ca, name, cert, key or credentials";
                return Err(refused(expected));
            }
        }
        Ok(())
    }
}

impl FromStr for ClusterAddress {
    type Err = ClusterAddressError;

    fn from_str(text: &str) -> Result<Self, ClusterAddressError> {
        let (nodes, parameters) = match text.split_once('?') {
            Some((nodes, parameters)) => (nodes, Some(parameters)),
            None => (text, None),
        };
        let nodes = nodes.split(',').map(node).collect::<Result<_, _>>()?;
        let mut address =
            Self { nodes, ca: None, name: None, cert: None, key: None, credentials: None };
        for parameter in parameters.into_iter().flat_map(|parameters| parameters.split('&')) {
            address.set(parameter)?;
        }
        match address.cert.is_some() == address.key.is_some() {
            true => Ok(address),
            false => Err(refused("the parameters cert and key belong together")),
        }
    }
}

/// Shows the nodes.
impl fmt::Display for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.nodes.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{node}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterAddress({self})")
    }
}

fn node(url: &str) -> Result<Node, ClusterAddressError> {
    // A host never contains this character.
    if url.contains('@') {
        return Err(refused(
            "a user or a password stands in it; put them into the variables \
             REDIS_ENTERPRISE_USER and REDIS_ENTERPRISE_PASSWORD, or into a file, credentials=PATH",
        ));
    }
    Node::parse(url).map_err(|error| ClusterAddressError(error.reason))
}

fn refused(reason: &str) -> ClusterAddressError {
    ClusterAddressError(reason.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_nodes_a_ca_and_a_credentials_file() {
        let text = "https://Node1:9443,http://[::1]:8080/redis?ca=/etc/ca%20.pem&key=k&credentials=c.json&cert=c";
        let address: ClusterAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), "https://node1:9443,http://[::1]:8080/redis");
        assert_eq!(address.ca(), Some(Path::new("/etc/ca .pem")));
        assert_eq!(address.credentials(), Some(Path::new("c.json")));
        assert_eq!(address.certificate(), Some((Path::new("c"), Path::new("k"))));
        assert!(!address.is_encrypted());

        let address: ClusterAddress = "https://node1:9443".parse().unwrap();
        assert_eq!((address.nodes().len(), address.ca(), address.credentials()), (1, None, None));
        assert!(address.is_encrypted());
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for (text, reason) in [
            ("https://secret:secret@node1:9443", "REDIS_ENTERPRISE_PASSWORD"),
            ("https://node1,https://secret@node2", "REDIS_ENTERPRISE_PASSWORD"),
            ("https://node1,secret", "expected a URL such as https://node1:9443"),
            ("https://node1,", "expected a URL"),
            ("ftp://secret", "another scheme"),
            ("https://node1?secret", "a parameter has no value"),
            ("https://node1?ca=", "a parameter has no value"),
            ("https://node1?password=secret", "expected ca, name, cert, key or credentials"),
            ("http://node1?ca=secret", "the parameters ca, name, cert and key need https://"),
            ("http://node1?cert=secret&key=secret", "cert and key need https://"),
            ("https://node1?cert=secret", "the parameters cert and key belong together"),
            ("https://node1?key=secret", "the parameters cert and key belong together"),
            ("https://node1?ca=%ff", "not UTF-8"),
            ("https://node1#secret", "without a query and a fragment"),
        ] {
            let error = text.parse::<ClusterAddress>().unwrap_err();
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{text}: {error}");
        }
    }
}
