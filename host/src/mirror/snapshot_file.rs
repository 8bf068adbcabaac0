//! The file in which a mirror keeps its catalog.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ccs_modules::mirror::Saved;
use ccs_modules::upstream::Upstream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use crate::files;

/// The file in which a mirror keeps its catalog, and when the cluster had it.
pub(super) struct SnapshotFile {
    path: PathBuf,
    /// The nodes of the cluster whose catalog it is.
    nodes: Vec<String>,
    /// Whether the last write failed.
    failing: bool,
}

/// The content of the file. It contains no credentials.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<'a> {
    /// The nodes that were configured.
    nodes: Vec<String>,
    /// When the cluster had this catalog, in milliseconds since 1970.
    as_of_unix_ms: u64,
    /// The validator of the catalog, if the cluster gave one.
    validator: Option<String>,
    /// The body of `GET /v1/modules`.
    #[serde(borrow)]
    modules: &'a RawValue,
}

impl SnapshotFile {
    pub(super) fn new(path: PathBuf, upstream: &Upstream) -> Self {
        let nodes = upstream.nodes().iter().map(ToString::to_string).collect();
        Self { path, nodes, failing: false }
    }

    /// Reads what was saved; none if the file is missing, empty, or of another cluster.
    ///
    /// # Errors
    ///
    /// If the file contains something else, which would be lost if it were written.
    pub(super) async fn read(&self) -> Result<Option<Saved>, String> {
        let path = self.path.clone();
        if !path.exists() {
            return Ok(None);
        }
        let text = spawn_blocking(move || files::read(&path)).await;
        let text = text.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        if text.is_empty() {
            return Ok(None);
        }
        let content: Content<'_> =
            serde_json::from_slice(&text).map_err(|error| self.refused(error))?;
        if !content.nodes.iter().any(|node| self.nodes.contains(node)) {
            let nodes = content.nodes.join(",");
            tracing::warn!(nodes, "the snapshot file is of another cluster and is not used");
            return Ok(None);
        }
        let as_of =
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(content.as_of_unix_ms));
        // A clock that was set back makes a catalog no younger than it is.
        let age = as_of.and_then(|as_of| as_of.elapsed().ok()).unwrap_or_default();
        Ok(Some(Saved::new(content.modules.get().into(), content.validator, age)))
    }

    /// The error for a file that is not one of a mirror's.
    pub(super) fn refused(&self, reason: impl std::fmt::Display) -> String {
        format!(
            "{} was not written by a mirror: {reason}; name another file, or remove this one",
            self.path.display()
        )
    }

    /// Replaces the file as a whole. A failure is logged once.
    pub(super) async fn write(&mut self, saved: Saved) {
        let (path, nodes) = (self.path.clone(), self.nodes.clone());
        let written = spawn_blocking(move || write(&path, nodes, &saved)).await;
        match written.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                tracing::warn!(%error, "the snapshot file is not written");
                self.failing = true;
            }
            Err(_) => {}
        }
    }
}

fn write(path: &Path, nodes: Vec<String>, saved: &Saved) -> Result<(), String> {
    let as_of = SystemTime::now().checked_sub(saved.age).unwrap_or(SystemTime::UNIX_EPOCH);
    let since_1970 = as_of.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let content = Content {
        nodes,
        as_of_unix_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        validator: saved.validator.clone(),
        modules: serde_json::from_slice(&saved.body).map_err(|error| error.to_string())?,
    };
    let mut text = serde_json::to_vec(&content).map_err(|error| error.to_string())?;
    text.push(b'\n');
    files::write_private(path, &text).map_err(|error| error.to_string())
}
