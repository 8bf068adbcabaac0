//! A reference for the rules of a module document, and for the module that is read from it.

use ccs_modules::{Limits, Module};

use crate::json::Json;

/// The verdict on a document.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Refused,
    /// The whole module, with its compact document.
    Sound(Box<Fields>),
}

/// Judges a document as stored.
pub fn judge(stored: &[u8], limits: &Limits) -> Verdict {
    if stored.len() > limits.document_bytes {
        return Verdict::Refused;
    }
    match Json::parse(stored, limits.depth) {
        Some(document) => judge_object(document, limits),
        None => Verdict::Refused,
    }
}

fn judge_object(mut document: Json, limits: &Limits) -> Verdict {
    if !matches!(document, Json::Object(_)) || document.compact().is_none() {
        return Verdict::Refused;
    }
    let version = match present(&document, "version") {
        None => None,
        Some(value) => match integer(value) {
            Some(version) => Some(version),
            None => return Verdict::Refused,
        },
    };
    if let (Json::Object(members), Some(version)) = (&mut document, version) {
        for (_, value) in members.iter_mut().filter(|(key, _)| is(key, "version")) {
            *value = Json::Scalar(version.to_string());
        }
    }
    match module(&document, version, limits) {
        Some(module) => Verdict::Sound(Box::new(module)),
        None => Verdict::Refused,
    }
}

/// The fields of a module.
#[derive(Debug, PartialEq)]
pub struct Fields {
    pub uid: String,
    pub module_name: Option<String>,
    pub display_name: Option<String>,
    pub semantic_version: Option<String>,
    pub version: Option<u32>,
    pub author: Option<String>,
    pub email: Option<String>,
    pub homepage: Option<String>,
    pub description: Option<String>,
    pub license: Option<String>,
    pub capabilities: Vec<String>,
    pub command_line_args: Option<String>,
    pub config_command: Option<String>,
    pub compatible_redis_version: Option<String>,
    pub min_redis_version: Option<String>,
    pub is_bundled: Option<bool>,
    pub document: String,
}

impl Fields {
    pub fn of(module: &Module) -> Self {
        let document = module.document().into();
        let module = module.clone();
        Self {
            uid: module.uid,
            module_name: module.module_name,
            display_name: module.display_name,
            semantic_version: module.semantic_version,
            version: module.version,
            author: module.author,
            email: module.email,
            homepage: module.homepage,
            description: module.description,
            license: module.license,
            capabilities: module.capabilities,
            command_line_args: module.command_line_args,
            config_command: module.config_command,
            compatible_redis_version: module.compatible_redis_version,
            min_redis_version: module.min_redis_version,
            is_bundled: module.is_bundled,
            document,
        }
    }
}

/// The module, if every field except the version follows its rule.
fn module(document: &Json, version: Option<u32>, limits: &Limits) -> Option<Fields> {
    for name in ["bigstore_version_2_support", "is_bundled"] {
        boolean(document, name)?;
    }
    for name in ["capability_name", "module_file", "sha256"] {
        string(document, name)?;
    }
    let uid = string(document, "uid")??;
    if uid.is_empty() || uid.len() > limits.uid_bytes {
        return None;
    }
    Some(Fields {
        uid,
        module_name: string(document, "module_name")?,
        display_name: string(document, "display_name")?,
        semantic_version: string(document, "semantic_version")?,
        version,
        author: string(document, "author")?,
        email: string(document, "email")?,
        homepage: string(document, "homepage")?,
        description: string(document, "description")?,
        license: string(document, "license")?,
        capabilities: strings(document, "capabilities")?,
        command_line_args: string(document, "command_line_args")?,
        config_command: string(document, "config_command")?,
        compatible_redis_version: string(document, "compatible_redis_version")?,
        min_redis_version: string(document, "min_redis_version")?,
        is_bundled: boolean(document, "is_bundled")?,
        document: document.compact()?,
    })
}

fn string(document: &Json, name: &str) -> Option<Option<String>> {
    present(document, name).map(Json::as_string).map_or(Some(None), |it| it.map(Some))
}

fn strings(document: &Json, name: &str) -> Option<Vec<String>> {
    match present(document, name) {
        None => Some(vec![]),
        Some(Json::Array(elements)) => elements.iter().map(Json::as_string).collect(),
        Some(_) => None,
    }
}

fn boolean(document: &Json, name: &str) -> Option<Option<bool>> {
    match present(document, name) {
        None => Some(None),
        Some(Json::Scalar(text)) => text.parse().ok().map(Some),
        Some(_) => None,
    }
}

/// The value of a field; null counts as absent.
fn present<'a>(document: &'a Json, name: &str) -> Option<&'a Json> {
    document.get(name).filter(|value| !matches!(value, Json::Scalar(text) if text == "null"))
}

fn is(key: &str, name: &str) -> bool {
    crate::json::characters(key).as_deref() == Some(name)
}

/// The integer that a number is, read in double precision.
fn integer(value: &Json) -> Option<u32> {
    let Json::Scalar(text) = value else { return None };
    let number: f64 = serde_json::from_str(text).ok()?;
    let integral = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    integral.then_some(number as u32)
}
