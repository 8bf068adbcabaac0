//! The filter's configuration: a JSON object in which an unknown field is an error.
//!
//! ```json
//! {
//!   "ccs": {
//!     "upstream": {
//!       "cluster": "ccs", "url": "https://cluster.example:9443", "list": "/v1/modules",
//!       "module": "/v1/modules/{uid}", "timeout_ms": 1000, "headers": {"authorization": "Basic ..."}
//!     },
//!     "refresh_ms": 30000, "stale_if_error_ms": 86400000
//!   },
//!   "access": {"trusted_header": "x-ccs-roles"},
//!   "methods": "refuse",
//!   "limits": {"response_bytes": 8388608}
//! }
//! ```
//!
//! `cluster` is the proxy's name of the upstream, whose nodes it knows. `url` is the API's address for
//! the requests and the error messages. With `refresh_ms` the filter mirrors the upstream's list in this
//! interval, and answers from a list of at most `stale_if_error_ms` (a day, if that is absent) while
//! the upstream fails. Without it the filter asks the upstream for each answer. In place of `upstream`,
//! `documents` holds the modules themselves. `module`, `headers`, `access`, `methods` and `limits` are
//! optional. Without `module` the filter finds a module in the list, without `access` it lets nobody in,
//! without `methods` it answers methods that do not read with 405, and without `limits` the limits are
//! the core's.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules::config::{self, Object, depth, one_or_more, present};
use ccs_modules::rest::Methods;
use ccs_modules::upstream::{self, Node};
use ccs_modules::{Limits, Snapshot, mirror};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use ccs_modules::config::Error;

/// The filter's configuration.
pub struct Config {
    pub ccs: Ccs,
    /// The access policy. Without one, the filter lets nobody in.
    pub access: Option<Policy>,
    pub methods: Methods,
    pub limits: Limits,
}

/// The source of the documents.
pub enum Ccs {
    /// The documents of the configuration, checked once.
    Documents(Snapshot),
    Mirror(Box<Mirrored>),
    Upstream(Upstream),
}

/// An upstream to mirror.
pub struct Mirrored {
    /// The proxy's name of the upstream.
    pub cluster: String,
    pub config: mirror::Config,
    /// A name that tells upstreams apart, made of all that the configuration says of this one.
    pub name: String,
}

/// An upstream, and the proxy's name of it.
pub struct Upstream {
    pub cluster: String,
    pub api: upstream::Upstream,
}

/// A thousand times what real servers send.
const RESPONSE_BYTES: usize = 8 << 20;

impl Config {
    /// Parses a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let Object(fields): Object<Fields<'_>> = config::parse(text)?;
        let Object(limits) = fields.limits;
        let (limits, response_bytes) = limits.split();
        let Object(ccs) = fields.ccs;
        let CcsFields { documents, upstream, refresh_ms, stale_if_error_ms } = ccs;
        let ccs = match (documents, upstream) {
            (Some(array), None) => Snapshot::parse(array.get().as_bytes(), &limits)
                .map(Ccs::Documents)
                .map_err(|error| refused("ccs.documents", error))?,
            (None, Some(Object(fields))) => match refresh_ms {
                None => Ccs::Upstream(fields.upstream(response_bytes)?),
                Some(refresh) => Ccs::Mirror(Box::new(fields.mirror(
                    refresh,
                    stale_if_error_ms,
                    &limits,
                    response_bytes,
                )?)),
            },
            _ => return Err(refused("ccs", "expected either documents or upstream")),
        };
        match ccs {
            Ccs::Documents(_) if refresh_ms.is_some() => {
                return Err(refused("ccs.refresh_ms", "expected only with upstream"));
            }
            Ccs::Documents(_) | Ccs::Upstream(_) if stale_if_error_ms.is_some() => {
                let reason = "expected only with refresh_ms";
                return Err(refused("ccs.stale_if_error_ms", reason));
            }
            _ => {}
        }
        let access = fields.access.map(policy).transpose()?;
        Ok(Self { ccs, access, methods: fields.methods, limits })
    }
}

/// Makes the error for a field.
pub fn refused(field: impl Into<String>, reason: impl ToString) -> Error {
    Error { field: field.into(), reason: reason.to_string() }
}

/// The fields of a configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow)]
    ccs: Object<CcsFields<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    access: Option<&'a RawValue>,
    #[serde(default)]
    methods: Methods,
    #[serde(default)]
    limits: Object<LimitFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CcsFields<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    documents: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    upstream: Option<Object<UpstreamFields>>,
    #[serde(default, deserialize_with = "one_or_more_if_present")]
    refresh_ms: Option<u64>,
    #[serde(default, deserialize_with = "one_or_more_if_present")]
    stale_if_error_ms: Option<u64>,
}

#[derive(Deserialize, Hash)]
#[serde(deny_unknown_fields)]
struct UpstreamFields {
    cluster: String,
    url: String,
    list: String,
    #[serde(default, deserialize_with = "present")]
    module: Option<String>,
    #[serde(deserialize_with = "one_or_more")]
    timeout_ms: u64,
    #[serde(default)]
    headers: Headers,
}

impl UpstreamFields {
    fn upstream(self, response_bytes: usize) -> Result<Upstream, Error> {
        if self.cluster.is_empty() {
            return Err(refused("ccs.upstream.cluster", "expected the name of a cluster"));
        }
        let api = Node::parse(&self.url)
            .and_then(|node| upstream::Upstream::new(vec![node]))
            .and_then(|api| api.with_list_path(&self.list))
            .and_then(|api| api.with_module_path(self.module.as_deref()))
            .and_then(|api| api.with_timeout(Duration::from_millis(self.timeout_ms)))
            .and_then(|api| api.with_headers(self.headers.0))
            .map_err(|error| refused(format!("ccs.upstream.{}", error.field), error.reason))?;
        Ok(Upstream { cluster: self.cluster, api: api.with_body_bytes(response_bytes) })
    }

    fn mirror(
        self,
        refresh_ms: u64,
        stale_if_error_ms: Option<u64>,
        limits: &Limits,
        response_bytes: usize,
    ) -> Result<Mirrored, Error> {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let name = format!("{:016x}", hasher.finish());
        let Upstream { cluster, api } = self.upstream(response_bytes)?;
        let config = mirror::Config::new(api).with_limits(*limits);
        let stale_if_error = match stale_if_error_ms {
            Some(ms) => Duration::from_millis(ms),
            None => config.stale_if_error(),
        };
        let config = config
            .with_times(Duration::from_millis(refresh_ms), stale_if_error)
            .map_err(|error| refused(format!("ccs.{}", error.field), error.reason))?;
        Ok(Mirrored { cluster, config, name })
    }
}

/// The header fields of an object, in its order.
#[derive(Default, Hash)]
struct Headers(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    headers.push(field);
                }
                Ok(Headers(headers))
            }
        }

        json.deserialize_map(Fields)
    }
}

/// The limits of the core, and the limit of what the filter takes from the upstream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitFields {
    #[serde(deserialize_with = "depth")]
    depth: usize,
    #[serde(deserialize_with = "one_or_more")]
    document_bytes: usize,
    #[serde(deserialize_with = "one_or_more")]
    documents: usize,
    #[serde(deserialize_with = "one_or_more")]
    response_bytes: usize,
    #[serde(deserialize_with = "one_or_more")]
    target_bytes: usize,
    #[serde(deserialize_with = "one_or_more")]
    uid_bytes: usize,
}

impl Default for LimitFields {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            depth: limits.depth,
            document_bytes: limits.document_bytes,
            documents: limits.documents,
            response_bytes: RESPONSE_BYTES,
            target_bytes: limits.target_bytes,
            uid_bytes: limits.uid_bytes,
        }
    }
}

impl LimitFields {
    /// The limits of the core, and the limit of the upstream's response bodies.
    fn split(self) -> (Limits, usize) {
        let mut limits = Limits::default();
        limits.depth = self.depth;
        limits.document_bytes = self.document_bytes;
        limits.documents = self.documents;
        limits.target_bytes = self.target_bytes;
        limits.uid_bytes = self.uid_bytes;
        (limits, self.response_bytes)
    }
}

fn policy(text: &RawValue) -> Result<Policy, Error> {
    Policy::parse(text.get().as_bytes()).map_err(|error| refused("access", error))
}

fn one_or_more_if_present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<u64>, D::Error> {
    one_or_more(json).map(Some)
}
