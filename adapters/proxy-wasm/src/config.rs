//! The filter's configuration: a JSON object in which an unknown field is an error.
//!
//! ```json
//! {
//!   "ccs": {
//!     "upstream": {
//!       "cluster": "ccs", "url": "https://cluster.example:9443", "list": "/v1/modules",
//!       "module": "/v1/modules/{uid}", "timeout_ms": 1000, "body_bytes": 8388608,
//!       "headers": {"authorization": "Basic ..."}
//!     },
//!     "refresh_ms": 30000, "stale_if_error_ms": 86400000, "stale_if_denied_ms": 3600000,
//!     "fresh_age_ms": 300000, "allow_empty": false
//!   },
//!   "access": {"trusted_header": "x-ccs-roles"},
//!   "methods": "refuse",
//!   "limits": {"documents": 1000}
//! }
//! ```
//!
//! `cluster` is the proxy's name of the upstream, whose nodes it knows. `url` is the API's address for
//! the requests and the error messages. With `refresh_ms` the filter mirrors the upstream's list in this
//! interval, and answers from a list of at most `stale_if_error_ms` (a day, if that is absent) while
//! the upstream fails, or `stale_if_denied_ms` (an hour) while it denies the list. `fresh_age_ms` and
//! `allow_empty` are those of the core's mirror. Without it the filter asks the upstream for each answer.
//!
//! In place of `upstream`, `documents` are the modules themselves, as an array or as one string of JSON: a
//! control plane may read the configuration and write it anew, and its numbers are doubles, while a
//! string stays as it is.
//!
//! All other fields are optional. Without `list` and `module` they are the paths of the REST API. With
//! `list` alone the filter finds a module in the list. Without `access` it lets no caller in, without `methods`
//! it answers methods that do not read with 405, and without `limits` the limits are the core's. If a module
//! does not exist, the upstream must answer at the path `module` with 404 and an error of the API, an object
//! with an `error_code`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::num::NonZeroUsize;
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules::config;
use ccs_modules::rest::Methods;
use ccs_modules::upstream::{self, Node};
use ccs_modules::{Limits, Snapshot, mirror};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

pub use ccs_modules::config::Error;

/// The filter's configuration.
pub struct Config {
    pub ccs: Ccs<Mirrored>,
    /// The access policy. Without one, the filter lets no caller in.
    pub access: Option<Policy>,
    pub methods: Methods,
    pub limits: Limits,
}

/// The source of the documents. A mirror is configured, or runs.
pub enum Ccs<M> {
    /// The documents of the configuration, checked once.
    Documents(Snapshot),
    Mirror(Box<M>),
    Upstream(Upstream),
}

/// An upstream to mirror.
pub struct Mirrored {
    /// The proxy's name of the upstream.
    pub cluster: String,
    pub config: mirror::Config,
    pub names: Names,
}

/// The names of an upstream in the data that workers share. They contain no configuration.
pub struct Names {
    /// A name made of the whole configuration of the upstream. So another upstream has another name, and
    /// so have other credentials.
    pub upstream: String,
    /// A name that stays when the credentials change.
    pub list: String,
}

/// An upstream, and the proxy's name of it.
pub struct Upstream {
    pub cluster: String,
    pub api: upstream::Upstream,
}

impl Config {
    /// Parses a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        if is_struct(text) {
            return Err(Error::new("", "a google.protobuf.Struct, expected JSON in a StringValue"));
        }

        let Fields { ccs, access, methods, limits } = config::parse(text)?;
        let CcsFields { documents, upstream, refresh_ms, .. } = &ccs;
        if refresh_ms.is_none()
            && let Some(option) = ccs.option_of_a_mirror()
        {
            return Err(Error::new(format!("ccs.{option}"), "expected only with refresh_ms"));
        }

        let ccs = match (documents, upstream) {
            (Some(_), None) if refresh_ms.is_some() => {
                return Err(Error::new("ccs.refresh_ms", "expected only with upstream"));
            }
            (Some(_), None) => Ccs::Documents(snapshot(text, &limits)?),
            (None, Some(fields)) => match refresh_ms {
                None => Ccs::Upstream(fields.upstream()?),
                Some(refresh) => Ccs::Mirror(Box::new(ccs.mirror(fields, *refresh, limits)?)),
            },
            _ => return Err(Error::new("ccs", "expected either documents or upstream")),
        };
        Ok(Self { ccs, access, methods, limits })
    }
}

/// Returns whether a text is a `google.protobuf.Struct`, which the proxy hands over as it is encoded. It
/// begins with the tag of its first field, a line feed, and each value has a tag that JSON does not contain.
fn is_struct(text: &[u8]) -> bool {
    const VALUE: u8 = 0x12;
    text.starts_with(b"\n") && text.contains(&VALUE)
}

/// Checks the documents of a configuration, whose texts are kept.
fn snapshot(configuration: &[u8], limits: &Limits) -> Result<Snapshot, Error> {
    #[derive(Deserialize)]
    struct Texts<'a> {
        #[serde(borrow)]
        ccs: BTreeMap<String, &'a RawValue>,
    }

    let refused = |error: &dyn Display| Error::new("ccs.documents", error);
    let Texts { ccs } = serde_json::from_slice(configuration).map_err(|error| refused(&error))?;
    let documents = ccs.get("documents").map_or("", |documents| documents.get());
    let documents = match serde_json::from_str(documents) {
        Ok(text) => Cow::<str>::Owned(text),
        Err(_) => Cow::Borrowed(documents),
    };
    Snapshot::parse(documents.as_bytes(), limits).map_err(|error| refused(&error))
}

/// The fields of a configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    ccs: CcsFields,
    access: Option<Policy>,
    #[serde(default)]
    methods: Methods,
    #[serde(default)]
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CcsFields {
    documents: Option<IgnoredAny>,
    upstream: Option<UpstreamFields>,
    refresh_ms: Option<u64>,
    stale_if_error_ms: Option<u64>,
    stale_if_denied_ms: Option<u64>,
    fresh_age_ms: Option<u64>,
    allow_empty: Option<bool>,
}

impl CcsFields {
    /// Returns the first option that only a mirror has.
    fn option_of_a_mirror(&self) -> Option<&'static str> {
        let options = [
            ("stale_if_error_ms", self.stale_if_error_ms.is_some()),
            ("stale_if_denied_ms", self.stale_if_denied_ms.is_some()),
            ("fresh_age_ms", self.fresh_age_ms.is_some()),
            ("allow_empty", self.allow_empty.is_some()),
        ];
        options.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }

    fn mirror(
        &self,
        upstream: &UpstreamFields,
        refresh_ms: u64,
        limits: Limits,
    ) -> Result<Mirrored, Error> {
        let names = upstream.names();
        let Upstream { cluster, api } = upstream.upstream()?;

        let config = mirror::Config::new(api).with_limits(limits);
        let time = |ms: Option<u64>, default| ms.map_or(default, Duration::from_millis);
        let stale_if_error = time(self.stale_if_error_ms, config.stale_if_error());
        let stale_if_denied = time(self.stale_if_denied_ms, config.stale_if_denied());
        let fresh_age = time(self.fresh_age_ms, config.fresh_age());
        let config = config
            .with_times(Duration::from_millis(refresh_ms), stale_if_error)
            .and_then(|config| config.with_stale_if_denied(stale_if_denied))
            .and_then(|config| config.with_fresh_age(fresh_age))
            .map_err(|error| Error::new(format!("ccs.{}", error.field), error.reason))?
            .with_allow_empty(self.allow_empty.unwrap_or_default());
        Ok(Mirrored { cluster, config, names })
    }
}

#[derive(Deserialize, Hash)]
#[serde(deny_unknown_fields)]
struct UpstreamFields {
    cluster: String,
    url: String,
    list: Option<String>,
    module: Option<String>,
    timeout_ms: Option<u64>,
    body_bytes: Option<NonZeroUsize>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl UpstreamFields {
    fn names(&self) -> Names {
        fn name(of: impl Hash) -> String {
            let mut hasher = DefaultHasher::new();
            of.hash(&mut hasher);
            format!("{:016x}", hasher.finish())
        }

        Names { upstream: name(self), list: name((&self.cluster, &self.url, &self.list)) }
    }

    fn upstream(&self) -> Result<Upstream, Error> {
        if self.cluster.is_empty() {
            return Err(Error::new("ccs.upstream.cluster", "expected the name of a cluster"));
        }

        let mut api = Node::parse(&self.url)
            .and_then(|node| upstream::Upstream::new(vec![node]))
            .and_then(|api| match (&self.list, self.module.as_deref()) {
                (None, None) => Ok(api),
                (None, module) => api.with_module_path(module),
                (Some(list), module) => api.with_list_path(list)?.with_module_path(module),
            })
            .and_then(|api| match self.timeout_ms {
                None => Ok(api),
                Some(timeout) => api.with_timeout(Duration::from_millis(timeout)),
            })
            .and_then(|api| api.with_headers(self.headers.clone().into_iter().collect()))
            .map_err(|error| Error::new(format!("ccs.upstream.{}", error.field), error.reason))?;

        if let Some(body_bytes) = self.body_bytes {
            api = api.with_body_bytes(body_bytes.get());
        }
        Ok(Upstream { cluster: self.cluster.clone(), api })
    }
}
