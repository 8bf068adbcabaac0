//! Request targets: which resource a path names, and what a query asks of it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::image::{Damaged, Entry};
use crate::limits::Limits;
use crate::module::{Document, Field};
use crate::rest::Refusal;

/// Whether a request target belongs to this API, rightly or wrongly formed. What does not, a proxy
/// passes on.
///
/// ```
/// use ccs_modules::rest::is_api_path;
///
/// assert!(is_api_path("/v1/modules"));
/// assert!(is_api_path("/v1/modules/1?x"));
/// assert!(is_api_path("/v1/modules/%zz"));
/// assert!(!is_api_path("/v1/modules/1/2"));
/// assert!(!is_api_path("/v1/bdbs"));
/// ```
pub fn is_api_path(target: &str) -> bool {
    Path::parse(split(target).0).is_some()
}

/// A target that belongs to this API.
pub(super) struct Target<'a> {
    path: Path<Cow<'a, str>>,
    query: &'a str,
}

impl<'a> Target<'a> {
    pub(super) fn parse(target: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let (path, query) = split(target);
        let path = Path::parse(path).ok_or(Refusal::NotFound)?;
        if target.len() > limits.target_bytes {
            return Err(Refusal::TargetTooLong);
        }
        let path = match path {
            Path::List => Path::List,
            Path::Module(uid) => Path::Module(decode(uid)?),
        };
        Ok(Self { path, query })
    }

    pub(super) fn resource(self) -> Result<Resource<'a>, Refusal> {
        Ok(match self.path {
            Path::List => Resource::List(Filter::parse(self.query)?),
            Path::Module(uid) => Resource::Module(uid),
        })
    }
}

/// What is asked for.
pub(super) enum Resource<'a> {
    List(Filter),
    Module(Cow<'a, str>),
}

enum Path<U> {
    List,
    Module(U),
}

impl<'a> Path<&'a str> {
    /// The first two segments are compared decoded: an encoded spelling is the same path (RFC 3986,
    /// section 6.2.2.2) and must not slip past a proxy filter. A uid may be empty here, which no
    /// module's is; one with a slash is sent with `%2F`.
    fn parse(path: &'a str) -> Option<Self> {
        let is = |segment: &str, name: &str| decode(segment).is_ok_and(|found| found == name);
        let (version, rest) = cut(path.strip_prefix('/')?, b'/')?;
        let (modules, uid) = match cut(rest, b'/') {
            Some((modules, uid)) => (modules, Some(uid)),
            None => (rest, None),
        };
        if !is(version, "v1") || !is(modules, "modules") {
            return None;
        }
        match uid {
            None => Some(Path::List),
            Some(uid) if cut(uid, b'/').is_some() => None,
            Some(uid) => Some(Path::Module(uid)),
        }
    }
}

/// Which modules of the list are asked for: those that match all that is given. An extension of
/// this implementation; a query key it does not know is ignored, as the real server does.
pub(super) struct Filter(Vec<Condition>);

enum Condition {
    /// Compared without (ASCII) case.
    ModuleName(String),
    SemanticVersion(String),
    Version(u32),
}

impl Filter {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut conditions = Vec::new();
        let mut rest = query;
        while !rest.is_empty() {
            let (pair, next) = cut(rest, b'&').unwrap_or((rest, ""));
            rest = next;
            let (key, value) = cut(pair, b'=').unwrap_or((pair, ""));
            let Ok(key) = decode(key) else { continue };
            let value = || decode(value).map(Cow::into_owned);
            conditions.push(match key.as_ref() {
                "module_name" => Condition::ModuleName(value()?),
                "semantic_version" => Condition::SemanticVersion(value()?),
                "version" => {
                    Condition::Version(value()?.parse().map_err(|_| {
                        Refusal::BadRequest("the query key version needs an integer")
                    })?)
                }
                _ => continue,
            });
        }
        Ok(Self(conditions))
    }

    /// Tells whether every module matches.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a module with these fields matches.
    pub(super) fn matches(&self, module: &FilterFields<'_>) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::ModuleName(name) => {
                module.module_name.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(name))
            }
            Condition::SemanticVersion(version) => {
                module.semantic_version.as_deref() == Some(version)
            }
            Condition::Version(version) => module.version == Some(*version),
        })
    }
}

/// The fields of a module that a filter compares.
pub(super) struct FilterFields<'a> {
    module_name: Option<Cow<'a, str>>,
    semantic_version: Option<Cow<'a, str>>,
    version: Option<u32>,
}

impl<'a> FilterFields<'a> {
    pub(super) fn of(document: &'a Document<'_>) -> Self {
        Self {
            module_name: document.text(Field::ModuleName),
            semantic_version: document.text(Field::SemanticVersion),
            version: document.version(),
        }
    }

    pub(super) fn of_entry(entry: &Entry<'a>) -> Result<Self, Damaged> {
        Ok(Self {
            module_name: entry.module_name()?.map(Cow::Borrowed),
            semantic_version: entry.semantic_version()?.map(Cow::Borrowed),
            version: entry.version(),
        })
    }
}

/// The path and the query of a target. Of the absolute form (RFC 9112, section 3.2.2) scheme and
/// authority are dropped.
fn split(target: &str) -> (&str, &str) {
    let (target, query) = cut(target, b'?').unwrap_or((target, ""));
    let path = match cut(target, b':') {
        Some((scheme, rest)) if !scheme.starts_with('/') => match rest.strip_prefix("//") {
            Some(rest) => rest.bytes().position(|byte| byte == b'/').and_then(|at| rest.get(at..)),
            None => Some(target),
        },
        _ => Some(target),
    };
    (path.unwrap_or("/"), query)
}

/// What is before and after the first `separator`, an ASCII character.
fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Resolves percent-encoding (RFC 3986, section 2.1).
fn decode(text: &str) -> Result<Cow<'_, str>, Refusal> {
    const INCOMPLETE: Refusal =
        Refusal::BadRequest("a percent sign without two hexadecimal digits");
    if cut(text, b'%').is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                hex_digit(bytes.next()).ok_or(INCOMPLETE)? << 4
                    | hex_digit(bytes.next()).ok_or(INCOMPLETE)?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Refusal::BadRequest("not UTF-8"))
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    char::from(byte?).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a target asks for, in short.
    fn resource(target: &str) -> Result<String, &'static str> {
        let limits = Limits { target_bytes: 40, ..Limits::default() };
        match Target::parse(target, &limits).and_then(Target::resource) {
            Ok(Resource::List(filter)) => Ok(alloc::format!("list {}", filter.0.len())),
            Ok(Resource::Module(uid)) => Ok(alloc::format!("module {uid}")),
            Err(Refusal::BadRequest(reason)) => Err(reason),
            Err(Refusal::NotFound) => Err("not found"),
            Err(Refusal::TargetTooLong) => Err("too long"),
            Err(_) => Err("another refusal"),
        }
    }

    #[test]
    fn targets_name_resources() {
        for (target, expected) in [
            ("/v1/modules", Ok("list 0")),
            ("/v1/modules?", Ok("list 0")),
            ("/v1/modules?x&module_name=a&version=1", Ok("list 2")),
            ("/v1/modules?version=1&version=2", Ok("list 2")),
            ("/%76%31/module%73", Ok("list 0")),
            ("http://host:1/v1/modules", Ok("list 0")),
            ("/v1/modules/", Ok("module ")),
            ("/v1/modules/1", Ok("module 1")),
            ("/v1/modules/1?version=x", Ok("module 1")),
            ("/v1/modules/a%2Fb%25+%c3%a9", Ok("module a/b%+é")),
            ("/v1/modules/a://b", Err("not found")),
            ("/x://host/v1/modules", Err("not found")),
            ("/v1/modules/0123456789012345678901234567", Ok("module 0123456789012345678901234567")),
            ("", Err("not found")),
            ("*", Err("not found")),
            ("http://host", Err("not found")),
            ("/v1", Err("not found")),
            ("/v1/Modules", Err("not found")),
            ("//v1/modules", Err("not found")),
            ("/v1/modules/1/", Err("not found")),
            ("/%zz/modules", Err("not found")),
            ("/v1/modules/%", Err("a percent sign without two hexadecimal digits")),
            ("/v1/modules/%4", Err("a percent sign without two hexadecimal digits")),
            ("/v1/modules/%4é", Err("a percent sign without two hexadecimal digits")),
            ("/v1/modules/%ff", Err("not UTF-8")),
            ("/v1/modules?module_name=%ff", Err("not UTF-8")),
            ("/v1/modules?other=%ff", Ok("list 0")),
            ("/v1/modules?version=x", Err("the query key version needs an integer")),
            ("/v1/modules?version", Err("the query key version needs an integer")),
            ("/v1/modules/01234567890123456789012345678", Err("too long")),
            ("/v2/modules/01234567890123456789012345678", Err("not found")),
        ] {
            assert_eq!(resource(target).as_deref(), expected.as_ref().copied(), "{target}");
        }
    }

    #[test]
    fn a_target_that_is_wrongly_formed_belongs_here_too() {
        for target in ["/v1/modules", "/v1/modules/%zz?x", "http://host/%761/modules?x"] {
            assert!(is_api_path(target), "{target}");
        }
        for target in ["/v1/modules/a/b", "/v1", "/x://host/v1/modules", ""] {
            assert!(!is_api_path(target), "{target}");
        }
    }
}
