//! The filter's configuration: a JSON object in which an unknown field is an error.
//!
//! ```json
//! {
//!   "ccs": {
//!     "upstream": {
//!       "cluster": "ccs", "authority": "ccs", "list": "/v1/modules", "module": "/v1/modules/{uid}",
//!       "timeout_ms": 1000, "headers": {"authorization": "Basic ..."}
//!     }
//!   },
//!   "access": {"trusted_header": "x-ccs-roles"},
//!   "methods": "refuse",
//!   "limits": {"response_bytes": 8388608}
//! }
//! ```
//!
//! In place of `upstream`, `documents` holds the modules themselves. `module`, `headers`, `access`,
//! `methods` and `limits` are optional. Without `module` the filter finds a module in the list, without
//! `access` it lets nobody in, without `methods` it answers methods that do not read with 405, and
//! without `limits` the limits are the core's.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules::{Ask, Limits, Step, list_modules, snapshot};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The filter's configuration.
pub struct Config {
    pub ccs: Ccs,
    /// The access policy. Without one, the filter lets nobody in.
    pub access: Option<Policy>,
    pub methods: Methods,
    pub limits: Limits,
    /// The longest response body that the filter takes from the upstream.
    pub response_bytes: usize,
}

/// The treatment of requests on the API's paths that do not read.
#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Methods {
    /// They go on to the next filter.
    Pass,
    /// The core refuses them.
    #[default]
    Refuse,
}

/// The source of the documents.
pub enum Ccs {
    Documents(Vec<Vec<u8>>),
    Upstream(Upstream),
}

/// An upstream, and how the filter asks it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    #[serde(deserialize_with = "cluster")]
    pub cluster: String,
    #[serde(deserialize_with = "authority")]
    pub authority: String,
    #[serde(deserialize_with = "list")]
    pub list: String,
    #[serde(default, deserialize_with = "module")]
    pub module: Option<ModulePath>,
    #[serde(rename = "timeout_ms", deserialize_with = "timeout")]
    pub timeout: Duration,
    #[serde(default, deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
}

/// The path of one module, in two parts: the uid stands between them.
pub struct ModulePath {
    pub before: String,
    pub after: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ccs: Ccs::Documents(Vec::new()),
            access: None,
            methods: Methods::default(),
            limits: Limits::default(),
            response_bytes: RESPONSE_BYTES,
        }
    }
}

/// A thousand times what real servers send.
const RESPONSE_BYTES: usize = 8 << 20;

impl Config {
    /// Parses a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let mut json = serde_json::Deserializer::from_slice(text);
        let Object(fields): Object<Fields<'_>> = serde_path_to_error::deserialize(&mut json)?;
        json.end().map_err(|error| ConfigError::new("configuration", error))?;
        let Object(limits) = fields.limits;
        let (limits, response_bytes) = limits.split();
        let Object(ccs) = fields.ccs;
        let ccs = match (ccs.documents, ccs.upstream) {
            (Some(array), None) => Ccs::Documents(documents(array.get().as_bytes(), &limits)?),
            (None, Some(Object(upstream))) => Ccs::Upstream(upstream),
            _ => return Err(ConfigError::new("ccs", "expected either documents or upstream")),
        };
        let access = fields.access.map(policy).transpose()?;
        Ok(Self { ccs, access, methods: fields.methods, limits, response_bytes })
    }
}

/// The error for a configuration that is refused.
#[derive(Debug)]
pub struct ConfigError {
    /// The path of the field, such as `ccs.upstream.timeout_ms`, or `configuration`.
    field: String,
    /// The reason. It never shows a value, which may be a credential.
    reason: String,
}

impl ConfigError {
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl From<serde_path_to_error::Error<serde_json::Error>> for ConfigError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let in_a_field = error.inner().is_data() && error.path().iter().next().is_some();
        let field = if in_a_field { error.path().to_string() } else { "configuration".into() };
        let text = error.inner().to_string();
        // "invalid type: string \"secret\", expected a map" shows the value.
        let shows_value = text.starts_with("invalid ") || text.starts_with("unknown variant ");
        match text.rsplit_once(", expected ") {
            Some((_, expected)) if shows_value => Self::new(field, format!("expected {expected}")),
            _ => Self::new(field, text),
        }
    }
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
    upstream: Option<Object<Upstream>>,
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

/// The documents of an array, checked by the core.
fn documents(array: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, ConfigError> {
    let refused = |reason: &dyn fmt::Display| ConfigError::new("ccs.documents", reason);
    let documents = snapshot::split(array).map_err(|error| refused(&error))?;
    if let Step::Ask(Ask::Documents(ask)) = list_modules(&["admin"], limits) {
        ask.answer(Ok(documents.clone())).map_err(|error| refused(&error))?;
    }
    Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
}

fn policy(text: &RawValue) -> Result<Policy, ConfigError> {
    Policy::parse(text.get().as_bytes()).map_err(|error| ConfigError::new("access", error))
}

/// A value that is a JSON object. The derived code alone takes arrays for structs too.
#[derive(Default)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        json.deserialize_map(Fields(PhantomData))
    }
}

/// Reads a field that may be absent but not null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(json: D) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

fn one_or_more<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    NonZeroU32::deserialize(json)
        .map(|number| number.get() as usize)
        .map_err(|_| D::Error::custom("expected an integer from 1 up"))
}

fn depth<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    // Each level of nesting takes some of the stack, which is 1 MiB.
    at_most(512, json)
}

fn timeout<'de, D: Deserializer<'de>>(json: D) -> Result<Duration, D::Error> {
    // A request waits as long as this.
    at_most(60_000, json).map(|ms| Duration::from_millis(ms as u64))
}

fn at_most<'de, D: Deserializer<'de>>(limit: usize, json: D) -> Result<usize, D::Error> {
    match one_or_more(json)? {
        number if number > limit => Err(D::Error::custom(format_args!("expected at most {limit}"))),
        number => Ok(number),
    }
}

fn cluster<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    text(json, |text| !text.is_empty(), "the name of a cluster")
}

fn authority<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    text(json, is_visible, "a host, such as ccs:9443")
}

fn list<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    text(json, is_path, "a path, percent-encoded")
}

fn module<'de, D: Deserializer<'de>>(json: D) -> Result<Option<ModulePath>, D::Error> {
    let is_path = |text: &str| ModulePath::parse(text).is_some();
    let path = text(json, is_path, "a path, percent-encoded, with {uid} in it once")?;
    Ok(ModulePath::parse(&path))
}

impl ModulePath {
    fn parse(path: &str) -> Option<Self> {
        let (before, after) = path.split_once("{uid}")?;
        let sound = is_path(before) && is_path(&format!("/{after}")) && !after.contains("{uid}");
        sound.then(|| Self { before: before.into(), after: after.into() })
    }
}

/// Reads a string that must pass a test.
fn text<'de, D: Deserializer<'de>>(
    json: D,
    passes: impl FnOnce(&str) -> bool,
    expected: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(json)?;
    if passes(&text) {
        return Ok(text);
    }
    Err(D::Error::custom(format_args!("expected {expected}")))
}

/// Reads an object of header fields, in its order.
fn headers<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Headers;

    impl<'de> Visitor<'de> for Headers {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of header fields")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
            let mut headers: Self::Value = Vec::new();
            while let Some((name, value)) = fields.next_entry::<String, String>()? {
                if !is_token(&name) || !is_field_value(&value) {
                    return Err(A::Error::custom("expected names and values of header fields"));
                }
                if headers.iter().any(|(found, _)| *found == name) {
                    return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                }
                headers.push((name, value));
            }
            Ok(headers)
        }
    }

    json.deserialize_map(Headers)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && is_visible(text) && !text.contains('#')
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Says whether this may name a header field (RFC 9110, section 5.1).
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn is_field_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}
