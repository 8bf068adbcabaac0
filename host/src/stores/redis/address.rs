//! The address of a Redis hash.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

const DEFAULT_KEY: &str = "ccs:modules";
const DEFAULT_PORT: u16 = 6379;

/// The address of a hash in a Redis:
/// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY][&missing=empty][&ca=PATH]`.
///
/// - `rediss` instead of `redis`: over TLS. The system must trust the certificate.
/// - `PORT`: default 6379. `DATABASE`: default 0.
/// - `key`: the key of the hash, default `ccs:modules`.
/// - `missing`: `empty` if a key that does not exist is an empty store. By default, `error`, it is an
///   error: mostly the key or the database is a wrong one.
/// - `ca`: a PEM file with the certificates to trust instead of the system's. It is read once, before
///   the first connection.
///
/// Special characters are percent-encoded. `Display` and `Debug` show neither user nor password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    database: u16,
    key: String,
    missing_is_empty: bool,
    ca: Option<PathBuf>,
}

/// The error for a text that is not the address of a Redis. It does not repeat the text, which may
/// contain a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not the address of a Redis: {0}")]
pub struct RedisAddressError(&'static str);

impl RedisAddress {
    /// Adds this password to an address that has none.
    #[must_use]
    pub fn or_password(mut self, password: impl Into<String>) -> Self {
        self.password.get_or_insert_with(|| password.into());
        self
    }

    /// The key of the hash.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn missing_is_empty(&self) -> bool {
        self.missing_is_empty
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn database(&self) -> u16 {
        self.database
    }

    pub(super) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    fn set(&mut self, parameter: &str, value: String) -> Result<(), RedisAddressError> {
        match parameter {
            "ca" | "key" | "missing" if value.is_empty() => {
                return Err(RedisAddressError(
                    "a parameter after ? has no value, such as key=NAME",
                ));
            }
            "ca" if !self.tls => {
                return Err(RedisAddressError("the parameter ca needs rediss://"));
            }
            "ca" => self.ca = Some(value.into()),
            "key" => self.key = value,
            "missing" => {
                self.missing_is_empty = match value.as_str() {
                    "empty" => true,
                    "error" => false,
                    _ => return Err(RedisAddressError("missing: expected empty or error")),
                }
            }
            _ => return Err(RedisAddressError("unknown parameter, expected key, missing or ca")),
        }
        Ok(())
    }
}

impl FromStr for RedisAddress {
    type Err = RedisAddressError;

    fn from_str(text: &str) -> Result<Self, RedisAddressError> {
        let url = Url::parse(text)
            .map_err(|_| RedisAddressError("expected redis://HOST or rediss://HOST"))?;

        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(RedisAddressError("expected redis:// or rediss://")),
        };
        let host = match url.host() {
            Some(url::Host::Ipv6(address)) => address.to_string(),
            Some(host) => decode(&host.to_string())?,
            None => return Err(RedisAddressError("the host is missing")),
        };
        if url.fragment().is_some() {
            return Err(RedisAddressError("write # as %23"));
        }

        let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
        let password = url.password().map(decode).transpose()?;
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            path => path.parse().map_err(|_| {
                RedisAddressError("expected a database number from 0 to 65535 after the host")
            })?,
        };

        let port = url.port().unwrap_or(DEFAULT_PORT);
        let key = DEFAULT_KEY.into();
        let (missing_is_empty, ca) = (false, None);
        let mut address =
            Self { tls, host, port, user, password, database, key, missing_is_empty, ca };
        for parameter in url.query().into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            address.set(name, decode(value)?)?;
        }
        Ok(address)
    }
}

/// Shows the address without user and password.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}/{}, key {}", HostPort(self), self.database, self.key)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

/// Host and port.
pub(super) struct HostPort<'a>(pub(super) &'a RedisAddress);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RedisAddress { host, port, .. } = self.0;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

fn decode(text: &str) -> Result<String, RedisAddressError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| RedisAddressError("a percent-encoded part is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_user_a_database_a_key_and_a_ca() {
        let address: RedisAddress =
            "rediss://me:p%40ss%2F@cache.example:6380/3?key=a%26b+c&missing=empty&ca=/etc/ca.pem"
                .parse()
                .unwrap();
        assert!(address.is_tls());
        assert_eq!((address.host(), address.port()), ("cache.example", 6380));
        assert_eq!((address.user(), address.password()), (Some("me"), Some("p@ss/")));
        assert_eq!((address.database(), address.key()), (3, "a&b+c"));
        assert!(address.missing_is_empty());
        assert_eq!(address.ca(), Some(Path::new("/etc/ca.pem")));
    }

    #[test]
    fn an_address_needs_only_a_host() {
        let address: RedisAddress = "redis://127.0.0.1".parse().unwrap();
        assert!(!address.is_tls());
        assert_eq!((address.host(), address.port()), ("127.0.0.1", 6379));
        assert_eq!((address.user(), address.password()), (None, None));
        assert_eq!((address.database(), address.key()), (0, "ccs:modules"));
        assert!(!address.missing_is_empty());
        assert_eq!(address.clone().or_password("a").password(), Some("a"));
        assert_eq!(address.or_password("a").or_password("b").password(), Some("a"));

        let address: RedisAddress = "redis://:secret@[::1]:1/".parse().unwrap();
        assert_eq!((address.host(), address.user()), ("::1", None));
        assert_eq!(address.password(), Some("secret"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let address: RedisAddress = "redis://secret:secret@[::1]:1/2?key=k".parse().unwrap();
        assert_eq!(address.to_string(), "redis://[::1]:1/2, key k");
        assert!(!format!("{address:?}").contains("secret"));

        for text in [
            "secret",
            "http://secret:secret@host",
            "redis:secret",
            "redis://secret:secret@",
            "redis://secret:secret@/0",
            "redis://secret:secret@host:secret",
            "redis://secret:secret@host:99999",
            "redis://secret:secret@host/secret",
            "redis://secret:secret@host/-1",
            "redis://secret:secret@host/0#secret",
            "redis://secret:secret@host?secret",
            "redis://secret:secret@host?key=",
            "redis://secret:secret@host?ca=secret",
            "redis://secret:secret@host?missing=secret",
            "redis://%ff:secret@host",
        ] {
            let error = text.parse::<RedisAddress>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{text}: {error}");
        }
    }
}
