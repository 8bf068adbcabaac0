//! The configuration of a store that is a cluster: environment variables.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::StoreError;
use ccs_modules::config;
use ccs_modules::mirror;
use ccs_modules::upstream::{Credentials, Node, Upstream};

use crate::Environment;

/// The cluster to ask, and how.
#[derive(Debug)]
pub struct Config {
    /// The nodes and the credentials.
    pub upstream: Upstream,
    /// The longest time a call may take, over all nodes.
    pub timeout: Duration,
    /// The configuration of the mirror that answers; without one each call asks the cluster.
    pub mirror: Option<mirror::Config>,
}

impl Config {
    /// Reads the configuration from an environment.
    ///
    /// # Errors
    ///
    /// The variable that is missing or wrong, and the reason, without its value.
    pub fn new(environment: &Environment) -> Result<Self, StoreError> {
        let timeout = environment.milliseconds("CCS_HTTP_TIMEOUT_MS")?;
        let timeout = timeout.unwrap_or(Duration::from_secs(5));
        let refresh = environment.milliseconds("CCS_HTTP_REFRESH_MS")?;
        let stale_if_error = environment.milliseconds("CCS_HTTP_STALE_IF_ERROR_MS")?;
        let stale_if_error = stale_if_error.unwrap_or(Duration::from_secs(24 * 60 * 60));

        let mut upstream = upstream(environment.get("CCS_HTTP_URL").unwrap_or_default())?;
        if let Some(user) = environment.get("CCS_HTTP_USER") {
            let password = environment.get("CCS_HTTP_PASSWORD").unwrap_or_default();
            let credentials = Credentials::basic(user, password).map_err(refused)?;
            upstream = upstream.with_credentials(credentials);
        }
        // A mirror asks one node at a time: one that does not answer leaves time for the others.
        let nodes = u32::try_from(upstream.nodes().len()).unwrap_or(u32::MAX);
        let upstream = upstream.with_timeout(timeout / nodes).map_err(refused)?;
        let mirrored = |refresh| {
            let mirror = mirror::Config::new(upstream.clone());
            mirror.with_times(refresh, stale_if_error).map_err(refused)
        };
        let mirror = refresh.map(mirrored).transpose()?;
        Ok(Self { upstream, timeout, mirror })
    }
}

fn upstream(urls: &str) -> Result<Upstream, StoreError> {
    if urls.is_empty() {
        let text = "CCS_HTTP_URL is not set: set it to the nodes of a cluster, comma separated, such \
                    as https://node1:9443";
        return Err(StoreError::Other(text.into()));
    }
    let nodes = urls.split(',').enumerate().map(|(index, url)| {
        let number = index + 1;
        Node::parse(url.trim()).map_err(|config::Error { reason, .. }| {
            StoreError::Other(format!("CCS_HTTP_URL, URL {number}: {reason}"))
        })
    });
    Upstream::new(nodes.collect::<Result<Vec<_>, _>>()?).map_err(refused)
}

/// Makes the error for an option of the core, by the name of the variable.
fn refused(config::Error { field, reason }: config::Error) -> StoreError {
    let name = match field.as_str() {
        "credentials.password" => "CCS_HTTP_PASSWORD",
        "credentials.user" => "CCS_HTTP_USER",
        "refresh_ms" => "CCS_HTTP_REFRESH_MS",
        "stale_if_error_ms" => "CCS_HTTP_STALE_IF_ERROR_MS",
        "timeout_ms" => "CCS_HTTP_TIMEOUT_MS",
        _ => return StoreError::Other(format!("CCS_HTTP_URL: {field}: {reason}")),
    };
    StoreError::Other(format!("{name}: {reason}"))
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Config::new(&Environment::new(variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_environment_variable_is_read() {
        let config = config(&[
            ("CCS_HTTP_URL", "https://node1:9443, http://node2/base/"),
            ("CCS_HTTP_USER", "ann"),
            ("CCS_HTTP_PASSWORD", "secret"),
            ("CCS_HTTP_TIMEOUT_MS", "3000"),
            ("CCS_HTTP_REFRESH_MS", "500"),
            ("CCS_HTTP_STALE_IF_ERROR_MS", "60000"),
            ("HOME", "/"),
        ])
        .unwrap();
        let request = config.upstream.list(1, None).unwrap();
        assert_eq!(request.url(), "http://node2/base/v1/modules");
        let authorization = ("authorization".into(), "Basic YW5uOnNlY3JldA==".into());
        assert!(request.headers.contains(&authorization));
        assert_eq!(config.timeout, Duration::from_secs(3));
        let mirror = config.mirror.unwrap();
        assert_eq!(mirror.upstream().unwrap().timeout(), Duration::from_millis(1500));
        assert_eq!(mirror.refresh(), Duration::from_millis(500));
        assert_eq!(mirror.stale_if_error(), Duration::from_secs(60));
    }

    #[test]
    fn ccs_http_url_is_enough() {
        let config = config(&[("CCS_HTTP_URL", "https://node1")]).unwrap();
        assert_eq!(config.upstream.list(0, None).unwrap().headers.len(), 1);
        assert_eq!(config.timeout, Duration::from_secs(5));
        assert!(config.mirror.is_none());
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named_and_not_shown() {
        const URL: (&str, &str) = ("CCS_HTTP_URL", "https://node1");
        for (variables, expected) in [
            (&[][..], "CCS_HTTP_URL is not set: set it to the nodes of a cluster"),
            (&[("CCS_HTTP_URL", "")], "CCS_HTTP_URL is not set"),
            (
                &[("CCS_HTTP_URL", "https://a,https://u:secret@b")],
                "CCS_HTTP_URL, URL 2: a URL with credentials in it",
            ),
            (&[("CCS_HTTP_URL", "secret:9443")], "CCS_HTTP_URL, URL 1: "),
            (&[("CCS_HTTP_URL", "http://a,http://a")], "CCS_HTTP_URL: nodes[1]: the same as"),
            (&[URL, ("CCS_HTTP_USER", "secret:")], "CCS_HTTP_USER: expected a name"),
            (
                &[URL, ("CCS_HTTP_USER", "a"), ("CCS_HTTP_PASSWORD", "secret\n")],
                "CCS_HTTP_PASSWORD: expected a password",
            ),
            (&[URL, ("CCS_HTTP_TIMEOUT_MS", "2s")], "CCS_HTTP_TIMEOUT_MS: expected milliseconds"),
            (&[URL, ("CCS_HTTP_TIMEOUT_MS", "600001")], "CCS_HTTP_TIMEOUT_MS: expected 1 to"),
            (&[URL, ("CCS_HTTP_REFRESH_MS", "0")], "CCS_HTTP_REFRESH_MS: expected milliseconds"),
            (&[URL, ("CCS_HTTP_REFRESH_MS", "86400001")], "CCS_HTTP_REFRESH_MS: expected 1 to"),
            (
                &[URL, ("CCS_HTTP_REFRESH_MS", "2"), ("CCS_HTTP_STALE_IF_ERROR_MS", "1")],
                "CCS_HTTP_STALE_IF_ERROR_MS: expected at least",
            ),
        ] {
            let error = config(variables).unwrap_err();
            assert!(error.starts_with(&format!("the store failed: {expected}")), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
