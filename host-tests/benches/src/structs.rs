//! The data of the native twins, as a Rust programmer writes it first: one owned field for each
//! documented one, and serde derives.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A module with its documented fields. Fields that are not documented are lost.
#[allow(missing_docs, reason = "named as in the documentation")]
#[derive(Deserialize, Serialize)]
pub struct Module {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bigstore_version_2_support: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line_args: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatible_redis_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crdb: Option<Map<String, Value>>,
    /// An object, or an empty array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_bundled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_redis_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    pub uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}
