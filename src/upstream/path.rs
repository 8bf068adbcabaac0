//! Paths of the upstream.

use alloc::format;
use alloc::string::String;

use fluent_uri::pct_enc::EString;
use fluent_uri::pct_enc::encoder::{Data, Path};

/// The path of one module: the text before the uid and the text after it.
#[derive(Clone)]
pub(super) struct ModulePath {
    before: String,
    after: String,
}

impl ModulePath {
    /// Parses a path with `{uid}` in it once.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (before, after) = path.split_once("{uid}")?;
        let sound = is_path(before) && is_path(&format!("/{after}")) && !after.contains("{uid}");
        sound.then(|| Self { before: before.into(), after: after.into() })
    }

    /// Makes the path of the module with this uid; `None` if the uid would lead to another path.
    pub(super) fn with(&self, uid: &str) -> Option<String> {
        let Self { before, after } = self;
        // Segments of dots lead to another path (RFC 3986, section 5.2.4), escaped or not, also
        // where the upstream resolves an escaped slash first.
        let path = format!("{before}{uid}{after}");
        if path.split(['/', '\\', '?']).any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        let mut escaped = EString::<Path>::new();
        escaped.encode_str::<Data>(uid);
        Some(format!("{before}{escaped}{after}"))
    }
}

/// Returns whether this is an absolute path, with or without a query.
pub(super) fn is_path(text: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    text.starts_with('/') && text.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_escaped_and_never_leads_to_another_path() {
        let path = ModulePath::parse("/v1/modules/{uid}/x").unwrap();
        for (uid, expected) in [
            ("1", Some("/v1/modules/1/x")),
            ("a-b._~C", Some("/v1/modules/a-b._~C/x")),
            ("a/b?c#d%e é", Some("/v1/modules/a%2Fb%3Fc%23d%25e%20%C3%A9/x")),
            ("...", Some("/v1/modules/.../x")),
            (".", None),
            ("..", None),
            ("a/../b", None),
            ("a\\..\\b", None),
            ("..?a", None),
        ] {
            assert_eq!(path.with(uid).as_deref(), expected, "{uid}");
        }
    }

    #[test]
    fn a_module_path_has_the_uid_once() {
        for path in ["", "/v1", "{uid}", "v1/{uid}", "/{uid}{uid}", "/{uid}#", "/a b/{uid}"] {
            assert!(ModulePath::parse(path).is_none(), "{path}");
        }
        assert!(ModulePath::parse("/m?uid={uid}").is_some());
    }
}
