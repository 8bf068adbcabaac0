//! The configuration: environment variables.

use alloc::string::String;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use ccs_modules::StoreError;
use ccs_modules_guest::Environment;

const DEFAULT_PORT: u16 = 6379;

/// The Redis to ask, and the key to read there.
#[derive(Debug)]
pub(crate) struct Config {
    /// The address of Redis, as given.
    pub(crate) address: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The name of the Redis user; without one, a password is that of the user `default`.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// The key of the hash.
    pub(crate) key: String,
    /// Whether a missing key is an empty store. By default it is an error: mostly it is a mistake.
    pub(crate) missing_is_empty: bool,
    /// The longest time a call may take, from the look-up of the name to the last byte.
    pub(crate) timeout: Duration,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Host {
    Ip(IpAddr),
    Name(String),
}

impl Config {
    /// Reads the configuration from an environment.
    pub(crate) fn new(environment: &Environment) -> Result<Self, StoreError> {
        let own = |name| environment.get(name).map(String::from);
        let missing_is_empty = environment.is("CCS_REDIS_MISSING", "empty", "error")?;
        let timeout = environment.milliseconds("CCS_REDIS_TIMEOUT_MS")?;
        let address = environment.get("CCS_REDIS_ADDRESS").ok_or_else(|| {
            let text = "CCS_REDIS_ADDRESS is not set: set it to HOST or HOST:PORT of a redis";
            StoreError::Other(text.into())
        })?;

        let (host, port) = host_and_port(address)?;
        Ok(Self {
            address: address.into(),
            host,
            port,
            user: own("CCS_REDIS_USER"),
            password: own("CCS_REDIS_PASSWORD"),
            key: own("CCS_REDIS_KEY").unwrap_or_else(|| "ccs:modules".into()),
            missing_is_empty,
            timeout: timeout.unwrap_or(Duration::from_secs(2)),
        })
    }
}

/// Reads `HOST` or `HOST:PORT`. An IPv6 address with a port stands in brackets.
fn host_and_port(value: &str) -> Result<(Host, u16), StoreError> {
    if let Ok(address) = value.parse::<SocketAddr>() {
        return Ok((Host::Ip(address.ip()), address.port()));
    }
    if let Ok(ip) = value.parse() {
        return Ok((Host::Ip(ip), DEFAULT_PORT));
    }
    let (name, port) = match value.split_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (value, Some(DEFAULT_PORT)),
    };
    match port {
        Some(port) if is_host_name(name) => Ok((Host::Name(name.into()), port)),
        // The value is not repeated: a URL in it may hold a password.
        _ => Err(StoreError::Other("CCS_REDIS_ADDRESS: expected HOST or HOST:PORT".into())),
    }
}

/// Whether a text can be a host name. One with other characters may contain credentials.
fn is_host_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        let name = |name: &str| Host::Name(name.into());
        for (value, host, port) in [
            ("redis.example.com", name("redis.example.com"), 6379),
            ("redis_1:7000", name("redis_1"), 7000),
            ("127.0.0.1", Host::Ip([127, 0, 0, 1].into()), 6379),
            ("127.0.0.1:7000", Host::Ip([127, 0, 0, 1].into()), 7000),
            ("::1", Host::Ip("::1".parse().unwrap()), 6379),
            ("[::1]:7000", Host::Ip("::1".parse().unwrap()), 7000),
        ] {
            assert_eq!(host_and_port(value), Ok((host, port)), "{value}");
        }
    }

    #[test]
    fn an_error_does_not_show_an_invalid_address() {
        let addresses = ["", ":1", "host:port", "secret@host", "redis://:secret@host:1", "a b"];
        for value in addresses {
            let Err(StoreError::Other(text)) = host_and_port(value) else {
                panic!("{value} is an address");
            };
            assert_eq!(text, "CCS_REDIS_ADDRESS: expected HOST or HOST:PORT");
        }
    }

    #[test]
    fn every_environment_variable_is_read() {
        let config = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            Config::new(&Environment::new(variables)).unwrap()
        };

        let bare = config(&[("CCS_REDIS_ADDRESS", "a")]);
        assert_eq!((bare.user, bare.password, bare.key), (None, None, "ccs:modules".into()));
        assert_eq!((bare.missing_is_empty, bare.timeout), (false, Duration::from_secs(2)));

        let whole = config(&[
            ("CCS_REDIS_ADDRESS", "a:7000"),
            ("CCS_REDIS_KEY", "k"),
            ("CCS_REDIS_MISSING", "empty"),
            ("CCS_REDIS_PASSWORD", "p"),
            ("CCS_REDIS_TIMEOUT_MS", "1"),
            ("CCS_REDIS_USER", "u"),
            ("HOME", "/"),
        ]);
        assert_eq!(
            (whole.address, whole.host, whole.port),
            ("a:7000".into(), Host::Name("a".into()), 7000)
        );
        assert_eq!(
            (whole.user, whole.password, whole.key),
            (Some("u".into()), Some("p".into()), "k".into())
        );
        assert_eq!((whole.missing_is_empty, whole.timeout), (true, Duration::from_millis(1)));
    }

    #[test]
    fn a_setting_that_is_missing_or_wrong_is_named() {
        let error = |name: &str, value: &str| {
            let variables = [(name.into(), value.into())];
            format!("{}", Config::new(&Environment::new(variables)).unwrap_err())
        };
        assert!(error("HOME", "/").contains("CCS_REDIS_ADDRESS is not set"));
        for value in ["", "0", "-1", "2s"] {
            let text = error("CCS_REDIS_TIMEOUT_MS", value);
            assert!(text.ends_with("CCS_REDIS_TIMEOUT_MS: expected milliseconds, at least 1"));
        }
        let text = error("CCS_REDIS_MISSING", "yes");
        assert!(text.ends_with("CCS_REDIS_MISSING: expected empty or error"));
    }
}
