//! A JSON file as the store.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use ccs_modules::{Limits, SyntaxError, snapshot};
use tokio::fs;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;

use crate::stores::Snapshot;
use crate::{Bounds, Ccs, CcsError};

/// A JSON file that holds the body of `GET /v1/modules`. It is read again when it has changed: when
/// its length or its time of modification is another.
///
/// Replace the file by renaming a new one over it; one that is written to in place may be read
/// half-written.
pub struct File {
    path: PathBuf,
    bytes: usize,
    read: Mutex<Option<(Stamp, Arc<Snapshot>)>>,
}

impl File {
    /// The file at `path`. It is read at the first call.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), bytes: Bounds::default().memory, read: Mutex::default() }
    }

    /// The same, with the length of a file that is not read any more. Default: as for
    /// [`Bounds::memory`], since no more than that can be listed.
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// What the file holds now.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, CcsError> {
        let mut read = self.read.lock().await;
        // The stamp is taken first: if the file changes while it is read, the next call reads again.
        let stamp = Stamp::of(&self.path).await.map_err(|error| self.unreadable(&error))?;
        if let Some((known, snapshot)) = &*read
            && *known == stamp
        {
            return Ok(snapshot.clone());
        }
        let body = self.body().await?;
        let snapshot = parse(&body).map(Arc::new).map_err(|error| self.malformed(&error))?;
        *read = Some((stamp, snapshot.clone()));
        Ok(snapshot)
    }

    async fn body(&self) -> Result<Vec<u8>, CcsError> {
        let file = fs::File::open(&self.path).await.map_err(|error| self.unreadable(&error))?;
        let mut body = Vec::new();
        // One byte more shows that there is more: a file may grow, or be none with a length.
        let most = u64::try_from(self.bytes).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut body).await.map_err(|error| self.unreadable(&error))?;
        if body.len() > self.bytes {
            let (path, bytes) = (self.path.display(), self.bytes);
            return Err(CcsError::Other(format!("{path} is longer than {bytes} bytes")));
        }
        Ok(body)
    }

    fn malformed(&self, error: &SyntaxError) -> CcsError {
        CcsError::Other(format!("{}, {error}", self.path.display()))
    }

    fn unreadable(&self, error: &io::Error) -> CcsError {
        let text = format!("cannot read {}: {}", self.path.display(), error.kind());
        match error.kind() {
            ErrorKind::PermissionDenied => CcsError::Denied(text),
            _ => CcsError::Unavailable(text),
        }
    }
}

#[async_trait]
impl Ccs for File {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        self.snapshot().await?.list_documents().await
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.snapshot().await?.get_document(uid).await
    }
}

/// The whole file is checked, its documents too: only here is it known where in the file they are.
fn parse(body: &[u8]) -> Result<Snapshot, SyntaxError> {
    snapshot::check(body, &Limits::default())?;
    Snapshot::parse(body)
}

/// What is compared to see whether a file has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
}

impl Stamp {
    async fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path).await?;
        Ok(Self { modified: metadata.modified()?, length: metadata.len() })
    }
}
