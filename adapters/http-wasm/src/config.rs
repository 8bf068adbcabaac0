//! The plugin's configuration: an object of strings, in which an unknown field is an error.
//!
//! ```yaml
//! documents: '[{"module_name": "search", "uid": "1"}]'
//! access: '{"trusted_header": "x-ccs-roles"}'
//! methods: refuse
//! limits: '{"documents": 1000}'
//! ```
//!
//! The proxy turns every number and boolean of a configuration into a string, and a document must keep
//! them. So the catalog is one string of JSON, and so are the policy and the limits. In place of
//! `documents`, `file` is the path of a file with the catalog, in a folder that the proxy mounts,
//! and `revision` is any text. The proxy starts new instances only if a configuration has changed, and an
//! instance reads the file once. `access`, `methods` and `limits` are optional. Without `access` the plugin
//! lets no caller in, without `methods` it answers methods that do not read with 405, and without `limits`
//! the limits are the core's.

use std::fmt;

use ccs_modules::access::Policy;
use ccs_modules::config::{self, Error};
use ccs_modules::rest::Methods;
use ccs_modules::{Limits, Snapshot};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::mount;

/// The plugin's configuration.
pub struct Config {
    /// The catalog, checked.
    pub snapshot: Snapshot,
    /// The access policy. Without one, the plugin lets no caller in.
    pub access: Option<Policy>,
    pub methods: Methods,
    pub limits: Limits,
}

impl Config {
    /// Parses a configuration, and reads the file that it names.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let fields: Fields = config::parse(text)?;
        let limits = match fields.limits {
            None => Limits::default(),
            Some(Json(text)) => {
                config::parse(text.as_bytes()).map_err(|error| Error::new("limits", error))?
            }
        };

        let snapshot = match (fields.documents, fields.file) {
            (Some(Json(text)), None) => Snapshot::parse(text.as_bytes(), &limits)
                .map_err(|error| Error::new("documents", error))?,
            (None, Some(path)) => {
                let refused = |error: &dyn fmt::Display| {
                    Error::new("file", format!("\"{}\": {error}", config::excerpt(&path)))
                };
                let body = mount::read(&path).map_err(|error| refused(&error))?;
                Snapshot::parse(&body, &limits).map_err(|error| refused(&error))?
            }
            _ => return Err(Error::new("documents", "expected either documents or file")),
        };

        let access = match fields.access {
            None => None,
            Some(Json(text)) => {
                let policy = Policy::parse(text.as_bytes());
                Some(policy.map_err(|error| Error::new("access", error))?)
            }
        };
        Ok(Self { snapshot, access, methods: fields.methods, limits })
    }
}

/// The fields of a configuration.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    documents: Option<Json>,
    file: Option<String>,
    /// Read and not used: a change of it is a change of the configuration.
    #[serde(rename = "revision")]
    _revision: Option<String>,
    access: Option<Json>,
    #[serde(default)]
    methods: Methods,
    limits: Option<Json>,
}

/// A string of JSON.
struct Json(String);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "JSON in one string; written as YAML, its numbers and booleans would be strings",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
                Ok(Json(text.into()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Json, E> {
                Ok(Json(text))
            }
        }

        deserializer.deserialize_string(Text)
    }
}
