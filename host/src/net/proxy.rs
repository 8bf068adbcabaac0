//! Proxies that make connections for others, as the environment names them.

use std::io;
use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tower_service::Service as _;

/// The proxies of the variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl reads them.
pub(crate) struct Proxies(Matcher);

impl Proxies {
    pub(crate) fn of_environment() -> Self {
        Self(Matcher::from_env())
    }

    /// The proxy to a server that is asked over TLS. There is no proxy to this machine, nor for what is
    /// not encrypted: the proxy would see the credentials.
    pub(crate) fn to(&self, host: &str, port: u16) -> Option<Intercept> {
        let is_loopback = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if is_loopback {
            return None;
        }
        self.0.intercept(&uri(host, port).ok()?)
    }
}

/// Lets the proxy connect to a server (RFC 9110, 9.3.6).
pub(crate) async fn connect(proxy: &Intercept, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut tunnel = Tunnel::new(proxy.uri().clone(), HttpConnector::new());
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    let connected = tunnel.call(uri(host, port).map_err(io::Error::other)?).await;
    let name = proxy.uri().host().unwrap_or_default();
    connected
        .map(hyper_util::rt::TokioIo::into_inner)
        .map_err(|error| io::Error::other(format!("the proxy {name}: {error}")))
}

fn uri(host: &str, port: u16) -> Result<Uri, hyper::http::Error> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Uri::builder().scheme("https").authority(format!("{host}:{port}")).path_and_query("/").build()
}
