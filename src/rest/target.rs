//! Request targets: the resource that a path names, and the part of the list that a query asks for.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use percent_encoding::percent_decode_str;

use crate::limits::Limits;
use crate::lookup::{self, RedisVersion};
use crate::module::{Document, Field};
use crate::rest::ErrorResponse;

/// Returns whether the path of a request target is one of this API, well-formed or not. A proxy passes
/// on every other path.
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
    route(target).is_some()
}

/// Returns the route of a request target, as traces and metrics show it; `None` for another path.
///
/// ```
/// use ccs_modules::rest::route;
///
/// assert_eq!(route("/v1/modules?latest=true"), Some("/v1/modules"));
/// assert_eq!(route("/%761/modules/1"), Some("/v1/modules/{uid}"));
/// assert_eq!(route("/v1/bdbs"), None);
/// ```
pub fn route(target: &str) -> Option<&'static str> {
    Some(match Path::parse(split(target).0)? {
        Path::List => "/v1/modules",
        Path::Module(_) => "/v1/modules/{uid}",
    })
}

/// A request target whose path is one of this API.
pub(super) struct Target<'a> {
    path: Path<Cow<'a, str>>,
    query: &'a str,
}

impl<'a> Target<'a> {
    pub(super) fn parse(target: &'a str, limits: &Limits) -> Result<Self, ErrorResponse> {
        let (path, query) = split(target);
        let path = Path::parse(path).ok_or_else(ErrorResponse::not_found)?;
        if target.len() > limits.target_bytes {
            return Err(ErrorResponse::new(414, "uri_too_long", "the request target is too long"));
        }
        let path = match path {
            Path::List => Path::List,
            Path::Module(uid) => Path::Module(decode(uid)?),
        };
        Ok(Self { path, query })
    }

    /// Reads the query, and returns the operation that GET asks for.
    pub(super) fn operation(self) -> Result<Operation<'a>, ErrorResponse> {
        Ok(match self.path {
            Path::List => Operation::List(Filter::parse(self.query)?),
            Path::Module(uid) => {
                // No key means anything here, but what cannot be read is refused everywhere.
                self.query.split(['&', '=']).try_for_each(|part| decode_query(part).map(drop))?;
                Operation::Module(uid)
            }
        })
    }
}

/// The operation that a request asks for.
pub(super) enum Operation<'a> {
    /// The modules that the filter chooses.
    List(Filter),
    /// The module with this uid.
    Module(Cow<'a, str>),
    /// The methods that the path allows.
    Options,
}

/// A path of this API.
enum Path<U> {
    List,
    Module(U),
}

impl<'a> Path<&'a str> {
    /// Compares the first two segments decoded: an encoded spelling is the same path (RFC 3986,
    /// section 6.2.2.2) and must not slip past a proxy filter. Segments are never merged or removed:
    /// `//`, `/./` and `%2F` make other paths. The uid stays encoded and may be empty.
    fn parse(path: &'a str) -> Option<Self> {
        let is = |segment: &str, name: &str| {
            segment == name || decode(segment).is_ok_and(|found| found == name)
        };
        let mut segments = path.strip_prefix('/')?.split('/');
        let (version, modules) = (segments.next()?, segments.next()?);
        if !is(version, "v1") || !is(modules, "modules") {
            return None;
        }
        match (segments.next(), segments.next()) {
            (None, _) => Some(Path::List),
            (Some(uid), None) => Some(Path::Module(uid)),
            (Some(_), Some(_)) => None,
        }
    }
}

/// The part of the list that a query asks for. This is an extension of this implementation. An unknown
/// key is ignored, as the real server does.
#[derive(Default)]
pub(super) struct Filter {
    /// The Redis version of a database. Of each name, only the module that the database gets is asked for.
    fits: Option<RedisVersion>,
    /// Compared without (ASCII) case.
    module_name: Option<String>,
    /// Compared as a text.
    semantic_version: Option<String>,
    version: Option<u32>,
    /// Whether only the newest module of each name is asked for, of those that match.
    latest: Option<bool>,
}

impl Filter {
    fn parse(query: &str) -> Result<Self, ErrorResponse> {
        let mut filter = Self::default();

        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (decode_query(key)?, decode_query(value)?);

            let is_first = match key.as_str() {
                "fits" => filter.fits.replace(redis_version(&value)?).is_none(),
                "latest" => filter.latest.replace(boolean(&value)?).is_none(),
                "module_name" => filter.module_name.replace(value).is_none(),
                "semantic_version" => filter.semantic_version.replace(value).is_none(),
                "version" => filter.version.replace(version(&value)?).is_none(),
                _ => true,
            };

            if !is_first {
                let description = format!("the query key {key} is given twice");
                return Err(ErrorResponse::bad_request(description));
            }
        }

        Ok(filter)
    }

    /// Returns whether the whole list is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Self { fits, module_name, semantic_version, version, latest } = self;
        fits.is_none()
            && module_name.is_none()
            && semantic_version.is_none()
            && version.is_none()
            && *latest != Some(true)
    }

    /// Returns whether every key is given.
    #[cfg(test)]
    pub(super) fn is_complete(&self) -> bool {
        let Self { fits, module_name, semantic_version, version, latest } = self;
        fits.is_some()
            && module_name.is_some()
            && semantic_version.is_some()
            && version.is_some()
            && latest.is_some()
    }

    /// Returns the documents that are asked for, in the order of the list.
    pub(super) fn choose<'a>(&self, mut documents: Vec<Document<'a>>) -> Vec<Document<'a>> {
        // What fits a database does not depend on what else is asked for.
        if let Some(redis_version) = self.fits {
            documents = lookup::choose_fitting(documents, redis_version);
        }
        documents.retain(|document| self.matches(document));
        if self.latest == Some(true) {
            documents = lookup::choose_latest(documents);
        }
        documents
    }

    fn matches(&self, document: &Document<'_>) -> bool {
        let semantic =
            |asked: &str| document.text(Field::SemanticVersion).as_deref() == Some(asked);
        self.module_name.as_deref().is_none_or(|asked| lookup::has_name(document, asked))
            && self.semantic_version.as_deref().is_none_or(semantic)
            && self.version.is_none_or(|asked| document.version() == Some(asked))
    }
}

/// Reads the Redis version of a database.
fn redis_version(text: &str) -> Result<RedisVersion, ErrorResponse> {
    const REASON: &str = "the query key fits needs a redis version such as 7.4";
    text.parse().map_err(|_| ErrorResponse::bad_request(REASON))
}

fn boolean(text: &str) -> Result<bool, ErrorResponse> {
    text.parse().map_err(|_| ErrorResponse::bad_request("the query key latest needs true or false"))
}

/// Reads a version: digits alone, for `str::parse` takes a sign too.
fn version(digits: &str) -> Result<u32, ErrorResponse> {
    const REASON: &str = "the query key version needs an integer from 0 to 4294967295";
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let version = digits.parse().ok().filter(|_| only_digits);
    version.ok_or_else(|| ErrorResponse::bad_request(REASON))
}

/// Splits a target into path and query. Drops scheme and authority of the absolute form (RFC 9112,
/// section 3.2.2).
fn split(target: &str) -> (&str, &str) {
    let (target, query) = target.split_once('?').unwrap_or((target, ""));
    let authority = match target.split_once(':') {
        Some((scheme, after)) if !scheme.starts_with('/') => after.strip_prefix("//"),
        _ => None,
    };
    let path = match authority {
        Some(authority) => authority.find('/').and_then(|at| authority.get(at..)).unwrap_or("/"),
        None => target,
    };
    (path, query)
}

/// Decodes a key or a value of a query, in which a plus sign is a space.
fn decode_query(text: &str) -> Result<String, ErrorResponse> {
    decode(&text.replace('+', " ")).map(Cow::into_owned)
}

/// Resolves percent-encoding (RFC 3986, section 2.1). An ill-formed one is an error.
fn decode(text: &str) -> Result<Cow<'_, str>, ErrorResponse> {
    let well_formed = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(well_formed) {
        return Err(ErrorResponse::bad_request("a percent sign without two hexadecimal digits"));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| ErrorResponse::bad_request("percent-encoded bytes that are not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operation of a target, in short.
    fn operation(target: &str) -> Result<String, String> {
        let limits = Limits { target_bytes: 40, ..Limits::default() };
        match Target::parse(target, &limits).and_then(Target::operation) {
            Ok(Operation::List(filter)) => {
                Ok(if filter.is_empty() { "list" } else { "filtered list" }.into())
            }
            Ok(Operation::Module(uid)) => Ok(format!("module {uid}")),
            Ok(Operation::Options) => Ok("options".into()),
            Err(error) => Err(error.description().into()),
        }
    }

    #[test]
    fn targets_name_resources() {
        const NO_PATH: &str = "there is no such path";
        const NO_DIGITS: &str = "a percent sign without two hexadecimal digits";
        const NO_UTF8: &str = "percent-encoded bytes that are not UTF-8";
        const NO_VERSION: &str = "the query key version needs an integer from 0 to 4294967295";
        for (target, expected) in [
            ("/v1/modules", Ok("list")),
            ("/v1/modules?", Ok("list")),
            ("/v1/modules?x&module_name=a&version=1", Ok("filtered list")),
            ("/v1/modules?version=1&version=2", Err("the query key version is given twice")),
            ("/v1/modules?fits=7.4&fits=7.4", Err("the query key fits is given twice")),
            ("/%76%31/module%73", Ok("list")),
            ("http://host:1/v1/modules", Ok("list")),
            ("/v1/modules/", Ok("module ")),
            ("/v1/modules/1", Ok("module 1")),
            ("/v1/modules/1?version=x", Ok("module 1")),
            ("/v1/modules/a%2Fb%25+%c3%a9", Ok("module a/b%+é")),
            ("/v1/modules/a://b", Err(NO_PATH)),
            ("/x://host/v1/modules", Err(NO_PATH)),
            ("/v1/modules/0123456789012345678901234567", Ok("module 0123456789012345678901234567")),
            ("", Err(NO_PATH)),
            ("*", Err(NO_PATH)),
            ("http://host", Err(NO_PATH)),
            ("/v1", Err(NO_PATH)),
            ("/v1/Modules", Err(NO_PATH)),
            ("//v1/modules", Err(NO_PATH)),
            ("/v1/modules/1/", Err(NO_PATH)),
            ("/%zz/modules", Err(NO_PATH)),
            ("/v1/modules/%", Err(NO_DIGITS)),
            ("/v1/modules/%4", Err(NO_DIGITS)),
            ("/v1/modules/%4é", Err(NO_DIGITS)),
            ("/v1/modules/%ff", Err(NO_UTF8)),
            ("/v1/modules?module_name=%ff", Err(NO_UTF8)),
            ("/v1/modules?other=%ff", Err(NO_UTF8)),
            ("/v1/modules?%zz=1", Err(NO_DIGITS)),
            ("/v1/modules?version=x", Err(NO_VERSION)),
            ("/v1/modules?version", Err(NO_VERSION)),
            ("/v1/modules?version=0080001", Ok("filtered list")),
            ("/v1/modules?version=+5", Err(NO_VERSION)),
            ("/v1/modules?version=%2B5", Err(NO_VERSION)),
            ("/v1/modules?version=-5", Err(NO_VERSION)),
            ("/v1/modules?version=4294967296", Err(NO_VERSION)),
            ("/v1/modules?fits=7.4&latest=true", Ok("filtered list")),
            ("/v1/modules?latest=false", Ok("list")),
            ("/v1/modules?fits=7", Err("the query key fits needs a redis version such as 7.4")),
            ("/v1/modules?latest", Err("the query key latest needs true or false")),
            ("/v1/modules/%%41", Err(NO_DIGITS)),
            ("/v1/modules/%+1", Err(NO_DIGITS)),
            ("/v1/modules?&&version=1&", Ok("filtered list")),
            ("/v1/modules/01234567890123456789012345678", Err("the request target is too long")),
            ("/v2/modules/01234567890123456789012345678", Err(NO_PATH)),
        ] {
            let found = operation(target);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{target}");
        }
    }

    #[test]
    fn is_api_path_takes_malformed_targets_too() {
        for target in ["/v1/modules", "/v1/modules/%zz?x", "http://host/%761/modules?x"] {
            assert!(is_api_path(target), "{target}");
        }
        for target in [
            "/v1/modules/a/b",
            "/v1",
            "/x://host/v1/modules",
            "",
            "//v1/modules",
            "/v1//modules",
            "/v1/./modules",
            "/./v1/modules",
            "/v1/x/../modules",
            "/v1%2Fmodules",
            "/v1%2fmodules/a",
            "/v1/modules%2Fa",
        ] {
            assert!(!is_api_path(target), "{target}");
        }
    }
}
