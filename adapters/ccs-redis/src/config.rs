//! Which Redis, and what of it: variables of the environment.

use alloc::string::String;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::bindings::exports::ccs::modules::ccs::Error;
use crate::bindings::wasi::cli::environment::get_environment;

const DEFAULT_PORT: u16 = 6379;

pub(crate) struct Config {
    /// Where Redis is, as given.
    pub(crate) address: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The user is `default` where there is only a password.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// The key of the hash.
    pub(crate) key: String,
    /// How long a call may take, from the first look-up to the last byte.
    pub(crate) timeout: Duration,
}

pub(crate) enum Host {
    Ip(IpAddr),
    Name(String),
}

impl Config {
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let mut config = Self {
            address: String::new(),
            host: Host::Name(String::new()),
            port: DEFAULT_PORT,
            user: None,
            password: None,
            key: "ccs:modules".into(),
            timeout: Duration::from_secs(2),
        };
        for (name, value) in get_environment() {
            match name.as_str() {
                "CCS_REDIS_ADDRESS" => {
                    (config.host, config.port) = address(&value)?;
                    config.address = value;
                }
                "CCS_REDIS_KEY" => config.key = value,
                "CCS_REDIS_PASSWORD" => config.password = Some(value),
                "CCS_REDIS_TIMEOUT_MS" => config.timeout = timeout(&value)?,
                "CCS_REDIS_USER" => config.user = Some(value),
                _ => {}
            }
        }
        if config.address.is_empty() {
            return Err(Error::Other("CCS_REDIS_ADDRESS is not set".into()));
        }
        Ok(config)
    }
}

/// `HOST`, `HOST:PORT`, or with an IPv6 address `[HOST]:PORT`.
fn address(value: &str) -> Result<(Host, u16), Error> {
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
        Some(port) if !name.is_empty() => Ok((Host::Name(name.into()), port)),
        _ => Err(Error::Other("CCS_REDIS_ADDRESS: expected HOST or HOST:PORT".into())),
    }
}

fn timeout(value: &str) -> Result<Duration, Error> {
    match value.parse() {
        Ok(milliseconds @ 1..) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Error::Other("CCS_REDIS_TIMEOUT_MS: expected milliseconds".into())),
    }
}
