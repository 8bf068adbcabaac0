//! The plugin's configuration: JSON, and nothing in it that is not understood.
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
//!   "limits": {"response_bytes": 8388608}
//! }
//! ```
//!
//! In place of `upstream`, `documents` holds the modules themselves. `module`, `headers`, `access` and
//! `limits` may be left out: then a module is looked up in the list, no header is added, nobody is
//! let in, and the limits are the core's.

mod fields;

use std::fmt;
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules::{Ask, Limits, Step, list_modules, snapshot};

use crate::config::fields::Fields;

/// What the filter works by.
pub struct Config {
    pub ccs: Ccs,
    /// Who may come in; nobody if there is none.
    pub access: Option<Policy>,
    pub limits: Limits,
    /// The longest body that is taken from the upstream.
    pub response_bytes: usize,
}

/// Where the documents are.
pub enum Ccs {
    Documents(Vec<Vec<u8>>),
    Upstream(Upstream),
}

/// An upstream, and how it is asked.
pub struct Upstream {
    pub cluster: String,
    pub authority: String,
    pub list: String,
    pub module: Option<ModulePath>,
    pub timeout: Duration,
    pub headers: Vec<(String, String)>,
}

/// The path of one module: what stands before the uid and what stands after it.
pub struct ModulePath {
    pub before: String,
    pub after: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ccs: Ccs::Documents(Vec::new()),
            access: None,
            limits: Limits::default(),
            response_bytes: RESPONSE_BYTES,
        }
    }
}

/// A thousand times what real servers answer.
const RESPONSE_BYTES: usize = 8 << 20;

impl Config {
    /// Parses a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let mut fields = Fields::parse(text)?;
        let (limits, response_bytes) = limits(fields.object("limits")?.unwrap_or_default())?;
        let config = Self {
            ccs: ccs(fields.required("ccs", Fields::object)?, &limits)?,
            access: fields.raw("access").map(policy).transpose()?,
            limits,
            response_bytes,
        };
        fields.end()?;
        Ok(config)
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
pub struct ConfigError {
    /// The field at fault, such as `ccs.upstream.timeout_ms`.
    field: String,
    /// What is wrong with it. Never the value itself: it may be a credential.
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

fn ccs(mut fields: Fields<'_>, limits: &Limits) -> Result<Ccs, ConfigError> {
    let (service, array) = (fields.object("upstream")?, fields.raw("documents"));
    fields.end()?;
    match (service, array) {
        (Some(service), None) => upstream(service).map(Ccs::Upstream),
        (None, Some(array)) => documents(array, limits).map(Ccs::Documents),
        _ => Err(ConfigError::new("ccs", "expected either upstream or documents")),
    }
}

fn upstream(mut fields: Fields<'_>) -> Result<Upstream, ConfigError> {
    // Without a time-out, or with one that nobody waits for, a request would hang.
    const LONGEST_MS: usize = 60_000;
    let mut text = |name, is: &dyn Fn(&str) -> bool, expected: &str| {
        let text = fields.required(name, Fields::string)?;
        if is(&text) { Ok(text) } else { Err(fields.refuse(name, expected)) }
    };
    let cluster = text("cluster", &|text| !text.is_empty(), "expected the name of a cluster")?;
    let authority = text("authority", &is_visible, "expected a host, such as ccs:9443")?;
    let list = text("list", &is_path, "expected a path, escaped where need be")?;
    let timeout_ms = fields.required("timeout_ms", Fields::number)?;
    if timeout_ms > LONGEST_MS {
        return Err(fields.refuse("timeout_ms", format_args!("expected at most {LONGEST_MS}")));
    }
    let module = match fields.string("module")? {
        Some(path) => Some(module_path(&path).ok_or_else(|| {
            fields.refuse("module", "expected a path, escaped where need be, with {uid} in it once")
        })?),
        None => None,
    };
    let headers = fields.object("headers")?.unwrap_or_default().strings()?;
    if !headers.iter().all(|(name, value)| is_token(name) && is_field_value(value)) {
        return Err(fields.refuse("headers", "expected names and values of header fields"));
    }
    fields.end()?;
    let timeout = Duration::from_millis(timeout_ms as u64);
    Ok(Upstream { cluster, authority, list, module, timeout, headers })
}

fn module_path(path: &str) -> Option<ModulePath> {
    let (before, after) = path.split_once("{uid}")?;
    let sound = is_path(before) && is_path(&format!("/{after}")) && !after.contains("{uid}");
    sound.then(|| ModulePath { before: before.into(), after: after.into() })
}

/// The documents of the array, which must be what the core takes for modules.
fn documents(array: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, ConfigError> {
    let refused = |reason: &dyn fmt::Display| ConfigError::new("ccs.documents", reason);
    let documents = snapshot::split(array).map_err(|error| refused(&error))?;
    if let Step::Ask(Ask::Documents(ask)) = list_modules(&["admin"], limits) {
        ask.answer(Ok(documents.clone())).map_err(|error| refused(&error))?;
    }
    Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
}

fn policy(text: &[u8]) -> Result<Policy, ConfigError> {
    Policy::parse(text).map_err(|error| ConfigError::new("access", error))
}

/// The limits, those for the core and that for the upstream's bodies.
fn limits(mut fields: Fields<'_>) -> Result<(Limits, usize), ConfigError> {
    // Each level of nesting takes some of the stack, which is 1 MiB.
    const DEEPEST: usize = 512;
    let (mut limits, mut response_bytes) = (Limits::default(), RESPONSE_BYTES);
    for (name, limit) in [
        ("depth", &mut limits.depth),
        ("document_bytes", &mut limits.document_bytes),
        ("documents", &mut limits.documents),
        ("response_bytes", &mut response_bytes),
        ("target_bytes", &mut limits.target_bytes),
        ("uid_bytes", &mut limits.uid_bytes),
    ] {
        *limit = fields.number(name)?.unwrap_or(*limit);
    }
    if limits.depth > DEEPEST {
        return Err(fields.refuse("depth", format_args!("expected at most {DEEPEST}")));
    }
    fields.end()?;
    Ok((limits, response_bytes))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && is_visible(text) && !text.contains('#')
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether this may name a header field (RFC 9110, section 5.1).
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn is_field_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}
