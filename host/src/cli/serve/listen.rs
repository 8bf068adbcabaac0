//! Addresses to listen on.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio::net::lookup_host;
use url::Host;

use crate::cli::Failure;

/// An address to listen on, such as `127.0.0.1:8080`, `[::1]:0` or `localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

impl ListenAddress {
    /// The name or IP address, without the port.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        }
    }

    /// The addresses that this name has; at least one.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match &self.host {
            Host::Domain(name) => lookup_host((name.as_str(), self.port))
                .await
                .map(Iterator::collect)
                .map_err(|error| Failure::Other(format!("cannot resolve {name}: {error}")))?,
            Host::Ipv4(ip) => vec![(*ip, self.port).into()],
            Host::Ipv6(ip) => vec![(*ip, self.port).into()],
        };
        match addresses.is_empty() {
            true => Err(Failure::Other(format!("cannot resolve {}: it has no address", self.host))),
            false => Ok(addresses),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (host, port) =
            text.rsplit_once(':').ok_or("expected HOST:PORT, such as 127.0.0.1:8080")?;
        let host = Host::parse(host).map_err(
            |_| "expected a name, an IPv4 address or an IPv6 address in brackets, then a port",
        )?;
        let port = port.parse().map_err(|_| "expected a port from 0 to 65535")?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_addresses_are_taken() {
        for (text, host, resolved) in [
            ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080"),
            ("[::1]:0", "::1", "[::1]:0"),
            ("localhost:80", "localhost", "127.0.0.1:80"),
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!((address.host().as_str(), address.to_string().as_str()), (host, text));
            let addresses = address.resolve().await.ok().unwrap();
            assert!(addresses.contains(&resolved.parse().unwrap()), "{addresses:?}");
        }
        for text in
            ["", "localhost", "8080", ":8080", "::1:80", "256.0.0.1:1", "a b:1", "a:-1", "a:65536"]
        {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
