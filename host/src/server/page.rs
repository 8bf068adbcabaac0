//! The page in a browser: static files that the server offers at `/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ccs_modules::access::Caller;
use ccs_modules::{Limits, Step, rest};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::files::{self, FileError};
use crate::server::answer::{Answer, answer};
use crate::server::content::{content, unless_unchanged};

/// The files of a page, kept in memory. A request can name one of them only: no path of a request
/// reaches the file system.
#[derive(Clone, Debug)]
pub struct PageFiles {
    /// The files by the paths of their URLs, such as `/page.css`.
    files: BTreeMap<String, PageFile>,
}

/// A file of the page.
#[derive(Clone, Debug)]
pub(super) struct PageFile {
    content_type: &'static str,
    content: Bytes,
    entity_tag: String,
}

/// The reason why a folder is not taken as a page.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PageError {
    /// A file or folder that cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder without `index.html`.
    #[error("{} has no index.html; expected a folder such as dist/page of the npm package", .0.display())]
    NoIndex(PathBuf),
    /// A folder that is larger than a page may be.
    #[error("{} holds more than {} MiB; expected a folder such as dist/page of the npm package", .0.display(), MAX_BYTES >> 20)]
    TooLarge(PathBuf),
}

impl PageFiles {
    /// Reads every file of a folder. Symbolic links in it are left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, when there is no `index.html`, or when the files have more than
    /// 64 MiB.
    pub fn load(folder: &Path) -> Result<Self, PageError> {
        let mut files = BTreeMap::new();
        let mut bytes = 0;
        let mut folders = vec![(folder.to_path_buf(), String::from("/"))];

        while let Some((inner, url)) = folders.pop() {
            let unreadable = |error| FileError::reading(&inner, error);
            for entry in fs::read_dir(&inner).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let kind = entry.file_type().map_err(unreadable)?;
                let (path, url) = (entry.path(), format!("{url}{}", entry.file_name().display()));
                if kind.is_dir() {
                    folders.push((path, url + "/"));
                } else if kind.is_file() {
                    bytes += entry.metadata().map_err(unreadable)?.len();
                    if bytes > MAX_BYTES {
                        return Err(PageError::TooLarge(folder.into()));
                    }
                    let content: Bytes = files::read(&path)?.into();
                    let entity_tag = rest::entity_tag(&content);
                    let content_type = content_type(&path);
                    files.insert(url, PageFile { content_type, content, entity_tag });
                }
            }
        }

        let index = files.get("/index.html").ok_or_else(|| PageError::NoIndex(folder.into()))?;
        files.insert("/".into(), index.clone());
        Ok(Self { files })
    }

    /// Finds the file with this path of a URL, unless the path is one of the API.
    pub(super) fn find(&self, path: &str) -> Option<&PageFile> {
        let path = decoded(path)?;
        self.files.get(&path).filter(|_| !rest::is_api_path(&path))
    }
}

impl PageFile {
    /// Responds with the file to a caller who may see the list of modules, and to others as the list
    /// does. A client that has the file already gets 304.
    ///
    /// # Errors
    ///
    /// When the core makes a response that HTTP does not allow.
    pub(super) fn answer(
        &self,
        method: &Method,
        headers: &[(&str, &[u8])],
        caller: &Caller,
    ) -> hyper::http::Result<Answer> {
        let list =
            rest::Request { method: method.as_str(), target: "/v1/modules", headers: &[], caller };
        if let Step::Done(refused) = rest::handle(&list, &Limits::default()) {
            return answer(refused.status, refused.headers, refused.body);
        }

        let content = content(method, self.content_type, self.content.clone());
        let mut answer = unless_unchanged(content, headers, &self.entity_tag)?;
        for (name, value) in [
            (CACHE_CONTROL, "private, no-cache"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(answer)
    }
}

/// The path as the files are named. A slash that is percent-encoded separates no folders.
fn decoded(path: &str) -> Option<String> {
    let path = percent_decode_str(path)
        .decode_utf8()
        .ok()
        .filter(|decoded| decoded.matches('/').count() == path.matches('/').count())?;
    Some(path.into_owned())
}

/// The most bytes of a page. Its files are kept in memory.
const MAX_BYTES: u64 = 64 << 20;

/// The content security policy of every file. It is the one of `index.html`, which does not apply to
/// the worker of the page, and in addition keeps the page out of frames.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
     connect-src 'self' https: http:; style-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
