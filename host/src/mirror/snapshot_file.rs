//! The file in which a mirror keeps its catalog.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ccs_modules::mirror::Saved;
use ccs_modules::upstream::Upstream;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::files::{self, FileError};
use crate::mirror::MirrorError;

/// The file in which a mirror keeps its catalog, with the time at which the cluster had it.
pub(super) struct SnapshotFile {
    path: PathBuf,
    /// The nodes of the cluster whose catalog it is.
    nodes: Vec<String>,
    /// Whether the last write failed.
    failing: bool,
}

/// The fields of the file before the last one, which is the catalog: `"modules"`, the body of
/// `GET /v1/modules`. They contain no credentials.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The nodes that were configured.
    nodes: Vec<String>,
    /// When the cluster had this catalog, in milliseconds since 1970.
    as_of_unix_ms: u64,
    /// When the mirror asked for this catalog last, in milliseconds since 1970; if absent, the same.
    validated_unix_ms: Option<u64>,
    /// The reason why the catalog was stale when it came, if it was.
    stale: Option<String>,
    /// The validator of the catalog, if the cluster gave one.
    validator: Option<String>,
}

impl SnapshotFile {
    pub(super) fn new(path: PathBuf, upstream: &Upstream) -> Self {
        let nodes = upstream.nodes().iter().map(ToString::to_string).collect();
        Self { path, nodes, failing: false }
    }

    /// Reads what was saved; `None` if the file is missing, empty, or of another cluster. The catalog is not
    /// checked: the file may have been cut off in it.
    ///
    /// # Errors
    ///
    /// If the file contains something else, which would be lost if it were written.
    pub(super) async fn read(&self) -> Result<Option<Saved>, MirrorError> {
        let path = self.path.clone();
        if !path.exists() {
            return Ok(None);
        }
        let text = spawn_blocking(move || files::read(&path)).await;
        let text = text.map_err(|error| FileError::reading(&self.path, error.into()))??;
        if text.is_empty() {
            return Ok(None);
        }

        let damaged = || {
            tracing::warn!("the snapshot file is damaged and is not used");
            Ok(None)
        };
        let text = String::from_utf8_lossy(&text);
        if is_cut_off(&text) {
            return damaged();
        }
        let (head, modules) =
            parse(&text).ok_or_else(|| MirrorError::SnapshotFile(self.path.clone()))?;
        // The text is owned if it is not UTF-8.
        if matches!(text, Cow::Owned(_)) {
            return damaged();
        }
        if !head.nodes.iter().any(|node| self.nodes.contains(node)) {
            let nodes = head.nodes.join(",");
            tracing::warn!(nodes, "the snapshot file is of another cluster and is not used");
            return Ok(None);
        }

        let Head { as_of_unix_ms, validated_unix_ms, stale, validator, .. } = head;
        // By a clock that was set back, the catalog may be of the future.
        let age = since(as_of_unix_ms);
        let since_validation = validated_unix_ms.map_or(age, since);
        let age = age.filter(|_| since_validation.is_some());
        let saved = Saved::new(modules.into(), validator, age);
        Ok(Some(saved.with_validation(since_validation.unwrap_or_default(), stale)))
    }

    /// Replaces the file as a whole. A failure is logged once.
    pub(super) async fn write(&mut self, saved: Saved) {
        let (path, nodes) = (self.path.clone(), self.nodes.clone());
        let written = spawn_blocking(move || write(&path, nodes, &saved)).await;
        match written.unwrap_or_else(|error| Err(FileError::writing(&self.path, error.into()))) {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                tracing::warn!(reason = %error, "the snapshot file is not written");
                self.failing = true;
            }
            Err(_) => {}
        }
    }
}

/// The time since a moment, in milliseconds since 1970; `None` if it is in the future.
fn since(unix_ms: u64) -> Option<Duration> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms))?.elapsed().ok()
}

/// The moment so long ago, in milliseconds since 1970.
fn before(time: Duration) -> u64 {
    let moment = SystemTime::now().checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH);
    let since_1970 = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a file begins as one of a mirror does and ends before its catalog, or was never written: after a
/// loss of power it can be full of zeros. Complete JSON is something else.
fn is_cut_off(text: &str) -> bool {
    const BEGIN: &str = r#"{"nodes":["#;
    let text = text.trim_ascii();
    let is_json = || serde_json::from_str::<IgnoredAny>(text).is_ok();
    text.bytes().all(|byte| byte == 0)
        || BEGIN.starts_with(text)
        || (text.starts_with(BEGIN) && !text.contains(r#""modules""#) && !is_json())
}

/// Splits the content of a file into its head and its catalog; `None` if no mirror wrote it.
fn parse(text: &str) -> Option<(Head, String)> {
    // In a string the quotes of the name would be escaped.
    let (head, rest) = text.split_once(r#""modules""#)?;
    let head = head.trim_end().strip_suffix(',')?;
    let rest = rest.trim_start().strip_prefix(':')?;
    let (modules, _) = rest.rsplit_once('}').unwrap_or_default();
    Some((serde_json::from_str(&format!("{head}}}")).ok()?, modules.into()))
}

fn write(path: &Path, nodes: Vec<String>, saved: &Saved) -> Result<(), FileError> {
    let head = Head {
        nodes,
        as_of_unix_ms: before(saved.age.unwrap_or_default()),
        validated_unix_ms: Some(before(saved.since_validation)),
        stale: saved.stale.clone(),
        validator: saved.validator.clone(),
    };

    let head =
        serde_json::to_string(&head).map_err(|error| FileError::writing(path, error.into()))?;
    let head = head.trim_end_matches('}').as_bytes();
    let text = [head, b",\"modules\":", saved.body.trim_ascii_end(), b"}\n"].concat();
    files::write_private(path, &text)
}
