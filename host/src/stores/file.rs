//! A JSON file as the store.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::{Limits, SyntaxError, body};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::files::FileError;
use crate::stores::Documents;
use crate::{CallLimits, Ccs, CcsError};

/// A JSON file with the body of `GET /v1/modules`. Each call looks whether the file has
/// changed, and reads it again if it has. A file that is malformed is read once, and each call fails
/// with the same error until the file changes.
///
/// Replace the file by renaming a new one over it. A file that is written to in place may be read
/// half-written.
pub struct File {
    source: Arc<Source>,
}

impl File {
    /// The file at `path`. The first call reads it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_limit(path.into(), CallLimits::default().store_bytes)
    }

    /// Sets the length of the largest file that is read, in bytes. Default: as for
    /// [`CallLimits::store_bytes`].
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self::with_limit(self.source.path.clone(), bytes)
    }

    fn with_limit(path: PathBuf, limit: usize) -> Self {
        Self {
            source: Arc::new(Source {
                path,
                limit,
                version: Mutex::default(),
                reading: Arc::default(),
            }),
        }
    }

    /// The content of the file now.
    async fn snapshot(&self) -> Content {
        self.current().await?.content.clone()
    }

    /// The version that the file has now.
    async fn current(&self) -> Result<Arc<Version>, CcsError> {
        let asked = Instant::now();
        // One call looks and reads, and the others wait for its result. So if the file system hangs, one thread
        // hangs with it.
        let reading = self.source.reading.clone().lock_owned().await;
        let source = self.source.clone();
        blocking(move || {
            // A call that is given up here still leaves the result for the next one.
            let _reading = reading;
            match source.unchanged(asked)? {
                Some(version) => Ok(version),
                None => source.read(),
            }
        })
        .await
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

    async fn version(&self) -> Result<Option<u64>, CcsError> {
        let version = self.current().await?;
        version.content.as_ref().map(|_| Some(version.number)).map_err(Clone::clone)
    }

    fn name(&self) -> String {
        format!("the file {}", self.source.path.display())
    }
}

/// A checked file, or what is wrong with it.
type Content = Result<Arc<Documents>, CcsError>;

/// The file, and the version of it that was read last.
struct Source {
    path: PathBuf,
    limit: usize,
    version: Mutex<Option<Arc<Version>>>,
    /// Locked by the call that looks at the file.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Source {
    /// The version that was read last, if the file still has it.
    fn unchanged(&self, asked: Instant) -> Result<Option<Arc<Version>>, CcsError> {
        let stamp = fs::metadata(&self.path).map(|found| Stamp::of(&found));
        let stamp = stamp.map_err(|error| self.unreadable(error))?;
        let version = self.version().clone();
        Ok(version.filter(|version| version.is_current(&stamp, asked)))
    }

    /// Reads the file, and keeps what was read.
    fn read(&self) -> Result<Arc<Version>, CcsError> {
        let read = Instant::now();
        let (stamp, body) = self.body().map_err(|error| self.unreadable(error))?;
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let known = self.version().clone();
        let seen = match &known {
            Some(known) if known.stamp == stamp => known.seen,
            _ => read,
        };
        let (number, content) = match known {
            Some(known) if known.digest == digest => (known.number, known.content.clone()),
            Some(known) => (known.number + 1, self.parse(&body)),
            None => (0, self.parse(&body)),
        };
        let version = Arc::new(Version { stamp, digest, number, seen, read, content });
        *self.version() = Some(version.clone());
        Ok(version)
    }

    /// The text of the file. Its stamp is taken first: if the file changes while it is read, its
    /// next stamp is another.
    fn body(&self) -> io::Result<(Stamp, Vec<u8>)> {
        let file = fs::File::open(&self.path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let mut body = Vec::new();
        // One byte over the limit shows that there is more. The length in the metadata does not: a
        // file may grow, and a pipe has no length.
        let most = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut body)?;
        Ok((stamp, body))
    }

    /// Checks the whole file, its documents too: only here is it known at which line they are.
    fn parse(&self, body: &[u8]) -> Content {
        if body.len() > self.limit {
            let (path, limit) = (self.path.display(), self.limit);
            return Err(CcsError::TooLong(format!("{path} is longer than {limit} bytes")));
        }
        body::check(body, &Limits::default())
            .and_then(|()| Documents::parse(body))
            .map(Arc::new)
            .map_err(|error| self.malformed(&error))
    }

    fn malformed(&self, error: &SyntaxError) -> CcsError {
        CcsError::Other(format!("{}, {error}", self.path.display()))
    }

    fn unreadable(&self, error: io::Error) -> CcsError {
        let error = FileError::reading(&self.path, error);
        match error.kind() {
            ErrorKind::PermissionDenied => CcsError::Denied(error.to_string()),
            _ => CcsError::Unavailable(error.to_string()),
        }
    }

    fn version(&self) -> MutexGuard<'_, Option<Arc<Version>>> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One version of the file, as it was read.
struct Version {
    stamp: Stamp,
    digest: [u8; 32],
    /// The number of contents that were read before.
    number: u64,
    /// When a file with this stamp was seen first.
    seen: Instant,
    /// When this version was read.
    read: Instant,
    content: Content,
}

impl Version {
    /// Whether this is what a call that began at `asked` would read from a file with this stamp.
    ///
    /// A file that changes twice within one step of the file system's clock has the same stamp after
    /// both changes. So a stamp distinguishes versions only if the file was read after that step,
    /// or after the call began.
    ///
    /// A pipe can be read once, and is never read again.
    fn is_current(&self, stamp: &Stamp, asked: Instant) -> bool {
        let is_settled = self.read >= self.seen + CLOCK_STEP || self.read >= asked;
        self.stamp.is_pipe || (self.stamp == *stamp && is_settled)
    }
}

/// The longest step between two times of a file: FAT counts them in two seconds.
const CLOCK_STEP: Duration = Duration::from_secs(2);

/// The metadata by which a version of a file is recognised.
///
/// Length and time of modification do not suffice: `cp -p`, `rsync -t` and image layers set the time
/// of a new file to that of the old one. The inode and the time of the last change of the inode
/// cannot be set.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// Whether this is a pipe, a terminal or the like.
    is_pipe: bool,
    length: u64,
    modified: Option<std::time::SystemTime>,
    #[cfg(unix)]
    inode: Inode,
}

/// The device and the inode of a file, and the time of the inode's last change in seconds and nanoseconds.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            is_pipe: !metadata.is_file() && !metadata.is_dir(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: Inode::of(metadata),
        }
    }
}

#[cfg(unix)]
impl Inode {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;

        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Runs a blocking function on a thread for such functions.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CcsError> + Send + 'static,
) -> Result<T, CcsError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(CcsError::Other(error.to_string())))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_unchanged_file_is_read_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("modules.json");
        for (body, sound) in [(r#"[{"uid":"a"}]"#, true), (r#"[{"uid":"a"}"#, false)] {
            fs::write(&path, body).unwrap();
            let store = File::new(&path);
            assert_eq!(store.snapshot().await.is_ok(), sound);
            let read = |store: &File| store.source.version().clone().unwrap();
            let first = read(&store);
            let settled = Version {
                stamp: first.stamp,
                digest: first.digest,
                number: first.number,
                seen: first.seen.checked_sub(CLOCK_STEP).unwrap(),
                read: first.read,
                content: first.content.clone(),
            };
            let settled = Arc::new(settled);
            *store.source.version() = Some(settled.clone());
            assert_eq!(store.snapshot().await.is_ok(), sound);
            assert!(Arc::ptr_eq(&read(&store), &settled), "{body}");
        }
    }

    /// A pipe without a writer hangs, as a file system does that has gone.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_hangs_hangs_one_thread() {
        use std::process::Command;

        let folder = TempDir::new().unwrap();
        let path = folder.path().join("modules.json");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let store = File::new(&path);
        for _ in 0..3 {
            let given_up = timeout(Duration::from_millis(20), store.list_documents()).await;
            assert!(given_up.is_err());
        }
        // Of those that wait, one has opened the pipe. It is the only reader of what is written.
        let written = spawn_blocking(move || fs::write(&path, "[]")).await;
        written.unwrap().unwrap();
        let reading = store.source.reading.clone();
        drop(timeout(Duration::from_secs(60), reading.lock_owned()).await.unwrap());
        assert!(store.source.version().is_some());
    }

    #[tokio::test]
    async fn unchanged_content_is_parsed_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("modules.json");
        let store = File::new(&path);
        let new = folder.path().join("new.json");
        let mut snapshots = Vec::new();
        for body in [r#"[{"uid":"a"}]"#, r#"[{"uid":"a"}]"#, "[]"] {
            fs::write(&new, body).unwrap();
            fs::rename(&new, &path).unwrap();
            snapshots.push((store.snapshot().await.unwrap(), store.version().await.unwrap()));
        }
        assert!(Arc::ptr_eq(&snapshots[0].0, &snapshots[1].0));
        let versions: Vec<_> = snapshots.iter().map(|(_, version)| *version).collect();
        assert_eq!(versions, [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn a_stamp_is_trusted_when_the_clock_has_moved() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("modules.json");
        fs::write(&path, "[]").unwrap();
        let stamp = Stamp::of(&fs::metadata(&path).unwrap());
        let seen = Instant::now();
        let after = |seconds| seen + Duration::from_secs(seconds);
        let version = |read| Version {
            stamp,
            digest: [0; 32],
            number: 0,
            seen,
            read,
            content: Ok(Arc::default()),
        };
        assert!(version(after(0)).is_current(&stamp, seen), "read since the call began");
        assert!(!version(after(0)).is_current(&stamp, after(1)), "the file may have changed since");
        assert!(
            !version(after(1)).is_current(&stamp, after(9)),
            "it may have changed within the step"
        );
        assert!(version(after(2)).is_current(&stamp, after(9)));

        fs::write(&path, "[]\n").unwrap();
        let other = Stamp::of(&fs::metadata(&path).unwrap());
        assert!(!version(after(2)).is_current(&other, seen), "another file");
    }
}
