//! The configuration of a mirror.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use core::time::Duration;

use serde::Deserialize;

use crate::config;
use crate::limits::Limits;
use crate::mirror::source::Source;
use crate::upstream::{Credentials, Node, Upstream, check_timeout};

/// The configuration of a mirror: the source, and how fresh its catalog is kept.
///
/// For a cluster, as JSON, with every option but `nodes` at its default:
///
/// ```
/// # let text = br#"
/// {
///   "nodes": ["https://node1:9443", "https://node2:9443"],
///   "list": "/v1/modules",
///   "refresh_ms": 30000,
///   "stale_if_error_ms": 86400000,
///   "stale_if_denied_ms": 3600000,
///   "fresh_age_ms": 300000,
///   "allow_empty": false,
///   "timeout_ms": 5000,
///   "body_bytes": 8388608,
///   "limits": {
///     "depth": 16,
///     "document_bytes": 1048576,
///     "documents": 100000,
///     "target_bytes": 8192,
///     "uid_bytes": 1024
///   }
/// }
/// # "#;
/// # ccs_modules::mirror::Config::parse(text).unwrap();
/// ```
///
/// Optional, and absent by default: `"credentials": {"user": "ann", "password": "..."}` or
/// `{"token": "..."}`, and `"headers": {"x-team": "edge"}`, header fields to send with each request.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) source: Source,
    pub(super) refresh: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) stale_if_denied: Duration,
    /// The age below which a response is fresh, if no `cache-status` reports it.
    pub(super) fresh_age: Duration,
    pub(super) allow_empty: bool,
    pub(super) limits: Limits,
}

impl Config {
    /// Makes the configuration for a mirror of a cluster, with a refresh every 30 seconds, and answers for
    /// 24 hours while refreshing fails, but for 1 hour while the cluster denies the catalog.
    pub fn new(upstream: Upstream) -> Self {
        Self::with_source(Source::Cluster(upstream))
    }

    /// Makes the configuration for a mirror of a store of the shell's, with the same times, and 5 seconds
    /// for an answer of the store.
    pub fn for_store() -> Self {
        // What a store lists is what was put there.
        Self::with_source(Source::Store { timeout: Duration::from_secs(5) }).with_allow_empty(true)
    }

    fn with_source(source: Source) -> Self {
        Self {
            source,
            refresh: Duration::from_secs(30),
            stale_if_error: DAY,
            stale_if_denied: Duration::from_secs(3600),
            fresh_age: Duration::from_secs(300),
            allow_empty: false,
            limits: Limits::default(),
        }
    }

    /// Parses a configuration from JSON.
    ///
    /// # Errors
    ///
    /// [`config::Error`] names the option and never shows a value.
    pub fn parse(text: &[u8]) -> Result<Self, config::Error> {
        Self::from_options(config::parse(text)?)
    }

    /// Parses the configuration of a mirror of a store from JSON. It has the options `refresh_ms`,
    /// `stale_if_error_ms`, `timeout_ms` and `limits`.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn parse_for_store(text: &[u8]) -> Result<Self, config::Error> {
        Self::for_store().with_options(config::parse(text)?)
    }

    /// Waits this long for an answer of the source.
    ///
    /// # Errors
    ///
    /// If it is zero or longer than 10 minutes.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<Self, config::Error> {
        self.source = match self.source {
            Source::Cluster(upstream) => Source::Cluster(upstream.with_timeout(timeout)?),
            Source::Store { .. } => Source::Store { timeout: check_timeout(timeout)? },
        };
        Ok(self)
    }

    /// Refreshes the catalog in this interval, and answers from one of at most this age while refreshing
    /// fails.
    ///
    /// # Errors
    ///
    /// If the interval is not 1 ms to 1 day, or the age not the interval to 366 days.
    pub fn with_times(
        mut self,
        refresh: Duration,
        stale_if_error: Duration,
    ) -> Result<Self, config::Error> {
        if refresh < Duration::from_millis(1) || refresh > DAY {
            return Err(config::Error::new("refresh_ms", "expected 1 to 86400000, a day"));
        }
        if stale_if_error < refresh || stale_if_error > DAY * 366 {
            let reason = "expected at least refresh_ms and at most 31622400000, 366 days";
            return Err(config::Error::new("stale_if_error_ms", reason));
        }
        self.refresh = refresh;
        self.stale_if_error = stale_if_error;
        Ok(self)
    }

    /// Answers from a catalog of at most this age while the cluster denies it: by 401, 403, 404 or 410, or
    /// by a redirect to another server. The age of [`with_times`](Self::with_times) is a limit too.
    ///
    /// # Errors
    ///
    /// If the age is more than 366 days.
    pub fn with_stale_if_denied(mut self, age: Duration) -> Result<Self, config::Error> {
        self.stale_if_denied = at_most_a_year("stale_if_denied_ms", age)?;
        Ok(self)
    }

    /// Counts a response of a cluster as fresh below this age, if it has no `cache-status`.
    ///
    /// # Errors
    ///
    /// If the age is more than 366 days.
    pub fn with_fresh_age(mut self, age: Duration) -> Result<Self, config::Error> {
        self.fresh_age = at_most_a_year("fresh_age_ms", age)?;
        Ok(self)
    }

    /// Takes an empty list of a cluster also if a list with modules is kept. Otherwise it is a failure.
    pub fn with_allow_empty(mut self, allow_empty: bool) -> Self {
        self.allow_empty = allow_empty;
        self
    }

    /// Reads catalogs and requests within these limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the limits of catalogs and requests.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the upstream, unless the source is a store.
    pub fn upstream(&self) -> Option<&Upstream> {
        match &self.source {
            Source::Cluster(upstream) => Some(upstream),
            Source::Store { .. } => None,
        }
    }

    /// Returns the refresh interval.
    pub fn refresh(&self) -> Duration {
        self.refresh
    }

    /// Returns the greatest age of a catalog that answers.
    pub fn stale_if_error(&self) -> Duration {
        self.stale_if_error
    }

    /// Returns the greatest age of a catalog that answers while the cluster denies it.
    pub fn stale_if_denied(&self) -> Duration {
        self.stale_if_denied
    }

    /// Returns the age below which a response is fresh, if no `cache-status` reports it.
    pub fn fresh_age(&self) -> Duration {
        self.fresh_age
    }

    fn from_options(options: Options) -> Result<Self, config::Error> {
        let nodes = options.nodes.iter().enumerate().map(|(index, url)| {
            let refused =
                |error: config::Error| config::Error::new(format!("nodes[{index}]"), error.reason);
            Node::parse(url).map_err(refused)
        });
        let mut upstream = Upstream::new(nodes.collect::<Result<_, _>>()?)?;
        if let Some(credentials) = options.credentials {
            upstream = upstream.with_credentials(credentials);
        }
        if let Some(list) = options.list {
            upstream = upstream.with_list_path(&list)?;
        }
        if let Some(body_bytes) = options.body_bytes {
            upstream = upstream.with_body_bytes(body_bytes.get());
        }
        let upstream = upstream.with_headers(options.headers.into_iter().collect())?;

        let mut config = Self::new(upstream).with_allow_empty(options.allow_empty);
        if let Some(age) = options.stale_if_denied_ms {
            config = config.with_stale_if_denied(Duration::from_millis(age))?;
        }
        if let Some(age) = options.fresh_age_ms {
            config = config.with_fresh_age(Duration::from_millis(age))?;
        }
        let Options { refresh_ms, stale_if_error_ms, timeout_ms, limits, .. } = options;
        let options = StoreOptions { refresh_ms, stale_if_error_ms, timeout_ms, limits };
        config.with_options(options)
    }

    fn with_options(mut self, options: StoreOptions) -> Result<Self, config::Error> {
        if let Some(timeout) = options.timeout_ms {
            self = self.with_timeout(Duration::from_millis(timeout))?;
        }
        let refresh = options.refresh_ms.map_or(self.refresh, Duration::from_millis);
        let stale_if_error =
            options.stale_if_error_ms.map_or(self.stale_if_error, Duration::from_millis);
        self.with_limits(options.limits).with_times(refresh, stale_if_error)
    }
}

const DAY: Duration = Duration::from_secs(86_400);

fn at_most_a_year(option: &str, age: Duration) -> Result<Duration, config::Error> {
    match age <= DAY * 366 {
        true => Ok(age),
        false => Err(config::Error::new(option, "expected at most 31622400000, 366 days")),
    }
}

/// The options as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    nodes: Vec<String>,
    credentials: Option<Credentials>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    list: Option<String>,
    refresh_ms: Option<u64>,
    stale_if_error_ms: Option<u64>,
    stale_if_denied_ms: Option<u64>,
    fresh_age_ms: Option<u64>,
    #[serde(default)]
    allow_empty: bool,
    timeout_ms: Option<u64>,
    body_bytes: Option<NonZeroUsize>,
    #[serde(default)]
    limits: Limits,
}

/// The options of a mirror of a store.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreOptions {
    refresh_ms: Option<u64>,
    stale_if_error_ms: Option<u64>,
    timeout_ms: Option<u64>,
    #[serde(default)]
    limits: Limits,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_have_defaults() {
        let config = parse(r#"{"nodes":["https://node1:9443"]}"#).unwrap();
        assert_eq!(config.refresh(), Duration::from_secs(30));
        assert_eq!(config.stale_if_error(), Duration::from_secs(86_400));
        assert_eq!(config.upstream().unwrap().timeout(), Duration::from_secs(5));
        let request = config.upstream().unwrap().list(0, None).unwrap();
        assert_eq!((request.headers.len(), request.body_bytes), (1, 8 << 20));
    }

    #[test]
    fn every_option_of_a_mirror_is_read() {
        let config = parse(
            r#"{"nodes":["http://a","http://b"],"credentials":{"user":"ann","password":"secret"},
            "headers":{"x-a":"1"},"list":"/x","refresh_ms":1,"stale_if_error_ms":2,"timeout_ms":3,
            "stale_if_denied_ms":0,"fresh_age_ms":7,"allow_empty":true,"body_bytes":4,
            "limits":{"depth":5,"documents":6}}"#,
        )
        .unwrap();
        assert_eq!((config.stale_if_denied, config.allow_empty), (Duration::ZERO, true));
        assert_eq!(config.fresh_age, Duration::from_millis(7));
        assert_eq!(config.limits, Limits { depth: 5, documents: 6, ..Limits::default() });
        assert_eq!(config.refresh(), Duration::from_millis(1));
        assert_eq!(config.stale_if_error(), Duration::from_millis(2));
        assert_eq!(config.upstream().unwrap().timeout(), Duration::from_millis(3));
        let request = config.upstream().unwrap().list(1, None).unwrap();
        assert_eq!((request.url(), request.body_bytes), ("http://b/x".into(), 4));
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["accept", "authorization", "x-a"]);
    }

    #[test]
    fn a_store_has_no_options_of_a_cluster() {
        let parse = |text: &str| {
            Config::parse_for_store(text.as_bytes()).map_err(|error| error.to_string())
        };
        let config = parse("{}").unwrap();
        assert!(config.upstream().is_none());
        assert_eq!(config.refresh(), Duration::from_secs(30));
        assert_eq!(config.source.timeout(), Duration::from_secs(5));
        let config = parse(
            r#"{"refresh_ms":1,"stale_if_error_ms":2,"timeout_ms":3,"limits":{"documents":6}}"#,
        )
        .unwrap();
        assert_eq!(config.source.timeout(), Duration::from_millis(3));
        assert_eq!((config.stale_if_error().as_millis(), config.limits().documents), (2, 6));
        let of_a_cluster =
            ["nodes", "credentials", "headers", "list", "body_bytes", "stale_if_denied_ms"];
        for option in of_a_cluster.into_iter().chain(["fresh_age_ms", "allow_empty"]) {
            let error = parse(&format!(r#"{{"{option}":[]}}"#)).unwrap_err();
            assert!(error.starts_with(&format!("{option}: unknown field")), "{error}");
        }
        assert_eq!(parse(r#"{"timeout_ms":0}"#).unwrap_err(), "timeout_ms: expected 1 to 600000");
    }

    #[test]
    fn an_error_names_the_option_and_no_value() {
        const NODES: &str = r#""nodes":["https://node1"]"#;
        for (options, expected) in [
            (r#""nodes":["https://a","https://u:secret@b"]"#, "nodes[1]: a URL with credentials"),
            (r#""nodes":[]"#, "nodes: empty, expected at least one URL"),
            (r#""nodes":"https://u:secret@b""#, "nodes: a string, expected an array"),
            (r#""nodes":[1]"#, "nodes[0]: a number, expected a string"),
            ("", "missing field `nodes`"),
            (r#""nodes":[],"node":1"#, "node: unknown field, expected one of nodes, "),
            (
                &format!(r#"{NODES},"credentials":"ann:secret""#),
                "credentials: a string, expected an object",
            ),
            (
                &format!(r#"{NODES},"credentials":{{"user":"ann","password":5512}}"#),
                "credentials.password: a number, expected a string",
            ),
            (
                &format!(r#"{NODES},"credentials":{{"user":"secret:","password":""}}"#),
                "credentials.user: expected a name",
            ),
            (
                &format!(r#"{NODES},"headers":{{"a":5512}}"#),
                "headers.a: a number, expected a string",
            ),
            (&format!(r#"{NODES},"headers":{{"a":"secret\n"}}"#), "headers.a: expected the value"),
            (&format!(r#"{NODES},"list":"x""#), "list: expected a path"),
            (&format!(r#"{NODES},"refresh_ms":0"#), "refresh_ms: expected 1 to 86400000, a day"),
            (&format!(r#"{NODES},"refresh_ms":86400001"#), "refresh_ms: expected 1"),
            (&format!(r#"{NODES},"stale_if_error_ms":29999"#), "stale_if_error_ms: expected at"),
            (&format!(r#"{NODES},"stale_if_error_ms":31622400001"#), "stale_if_error_ms: expected"),
            (
                &format!(r#"{NODES},"stale_if_denied_ms":31622400001"#),
                "stale_if_denied_ms: expected at most 31622400000, 366 days",
            ),
            (&format!(r#"{NODES},"fresh_age_ms":31622400001"#), "fresh_age_ms: expected at most"),
            (&format!(r#"{NODES},"allow_empty":1"#), "allow_empty: a number, expected a boolean"),
            (&format!(r#"{NODES},"timeout_ms":0"#), "timeout_ms: expected 1 to 600000"),
            (
                &format!(r#"{NODES},"limits":{{"document":1}}"#),
                "limits.document: unknown field, expected one of depth, ",
            ),
            (&format!(r#"{NODES},"limits":[16]"#), "limits: an array, expected an object"),
            (&format!(r#"{NODES},"limits":{{"depth":"secret"}}"#), "limits.depth: expected an int"),
            (&format!(r#"{NODES},"limits":{{"depth":0}}"#), "limits.depth: expected an integer"),
            (
                &format!(r#"{NODES},"limits":{{"depth":65}}"#),
                "limits.depth: expected an integer from 1 to 64",
            ),
            (
                &format!(r#"{NODES},"limits":{{"documents":0}}"#),
                "limits.documents: expected an integer from 1 up",
            ),
            (&format!(r#"{NODES},"body_bytes":0"#), "body_bytes: a number, expected a nonzero"),
            (&format!(r#"{NODES},"credentials":null"#), "credentials: null, expected an object"),
            (&format!(r#"{NODES},"refresh_ms":null"#), "refresh_ms: null, expected u64"),
        ] {
            let error = parse(&format!("{{{options}}}")).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            for secret in ["secret", "5512"] {
                assert!(!error.contains(secret), "{error}");
            }
        }
        let error = parse(r#"{"a\nb":1}"#).unwrap_err();
        assert!(error.starts_with("a\u{fffd}b: unknown field, "), "{error}");
        let error = parse(r#""{\"credentials\":\"secret\"}""#).unwrap_err();
        assert!(error.starts_with("a string, expected an object"));
        assert!(parse("[]").is_err());
        assert!(parse("{").is_err());
    }

    #[test]
    fn a_configuration_shows_no_credentials() {
        let config =
            parse(r#"{"nodes":["http://a"],"credentials":{"user":"ann","password":"secret"}}"#);
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret") && !shown.contains("YW5u"), "{shown}");
    }
}
