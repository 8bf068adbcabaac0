//! A mirror: the catalog of a store, kept fresh, and kept when the store fails. It answers from memory, by the
//! core compiled natively.
//!
//! The core's [`Mirror`] decides what is asked and when, and what is answered. This module asks the store,
//! gives the time, and keeps the catalog of a cluster in a file.

mod fetching;
mod phase;
mod published;
mod snapshot_file;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use ccs_modules::mirror::{Config, Mirror, Status, Timestamp};
use ccs_modules::{config, rest};
use hyper::body::Bytes;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use self::fetching::Fetching;
use self::published::Published;
use self::snapshot_file::SnapshotFile;
use crate::file_metrics::FileMetrics;
use crate::files::FileError;
use crate::stores::{Cluster, StoreMetrics};
use crate::traces::Traces;
use crate::{CallError, Ccs, Request};

/// The settings of a mirror.
#[derive(Clone, Debug)]
pub struct MirrorSettings {
    /// The time between two fetches.
    pub refresh: Duration,
    /// The age up to which the catalog answers while fetches fail.
    pub stale_if_error: Duration,
    /// The age up to which the catalog answers while the cluster denies it. It has no effect on other stores.
    pub stale_if_denied: Duration,
    /// Whether an empty list of a cluster replaces one with modules. Otherwise it is a failure. An empty list
    /// of another store always does.
    pub allow_empty: bool,
    /// The time that the store has for an answer, at most ten minutes.
    pub timeout: Duration,
    /// A file to keep the catalog of a cluster in, so that a program can start while the cluster is down.
    pub snapshot_file: Option<PathBuf>,
    /// The traces of the fetches from a cluster, one for each.
    pub traces: Option<Traces>,
}

impl Default for MirrorSettings {
    /// A fetch every 30 seconds, which may take 5, and answers for 24 hours while fetches fail, but for 1
    /// hour while the cluster denies the catalog.
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(30),
            stale_if_error: Duration::from_secs(24 * 60 * 60),
            stale_if_denied: Duration::from_secs(60 * 60),
            allow_empty: false,
            timeout: Duration::from_secs(5),
            snapshot_file: None,
            traces: None,
        }
    }
}

/// The longest timeout of an answer that the core takes.
const LONGEST: Duration = Duration::from_secs(600);

/// The source of a mirror's catalog.
pub enum Source {
    /// A cluster, whose nodes are asked one after the other, for a list that has changed.
    Cluster(Box<Cluster>),
    /// Any other store, which is asked for its version, if it has one, and for all documents.
    Store(Arc<dyn Ccs>),
}

impl Source {
    /// Makes the source of a store. For a cluster there is [`Source::Cluster`].
    pub fn store(ccs: impl Ccs + 'static) -> Self {
        Self::Store(Arc::new(ccs))
    }

    fn name(&self) -> String {
        match self {
            Self::Cluster(cluster) => cluster.name(),
            Self::Store(ccs) => ccs.name(),
        }
    }

    /// The metrics of the files that the source reads again.
    fn files(&self) -> FileMetrics {
        match self {
            Self::Cluster(cluster) => cluster.files().clone(),
            Self::Store(_) => FileMetrics::default(),
        }
    }
}

impl From<Cluster> for Source {
    fn from(cluster: Cluster) -> Self {
        Self::Cluster(Box::new(cluster))
    }
}

/// The error for a mirror that cannot be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The settings are refused: which one, and why.
    #[error(transparent)]
    Settings(#[from] config::Error),
    /// The operating system gives no random number.
    #[error("cannot draw a random number: {0}")]
    Random(#[from] getrandom::Error),
    /// The snapshot file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not one that a mirror wrote.
    #[error("the snapshot file {} was not written by a mirror; name another file, or remove this one", .0.display())]
    SnapshotFile(PathBuf),
}

/// A mirror of a store, which answers from memory. Clones share it. It is kept fresh until the last one is
/// dropped.
///
/// No answer waits for the store, unless nothing has been fetched yet.
#[derive(Clone)]
pub struct StoreMirror {
    clock: Clock,
    published: watch::Receiver<Arc<Published>>,
    /// Permits for lookups, one for each processor, so that lookups leave time to everything else.
    lookups: Arc<Semaphore>,
    metrics: StoreMetrics,
    _fetching: Arc<JoinSet<()>>,
}

impl StoreMirror {
    /// Starts a mirror. It answers once the first fetch has ended, or at once from its file.
    ///
    /// # Errors
    ///
    /// If a setting is refused, or the file is not one that a mirror wrote. A store that fails is no error.
    pub async fn start(
        source: impl Into<Source>,
        settings: MirrorSettings,
    ) -> Result<Self, MirrorError> {
        let MirrorSettings { refresh, stale_if_error, stale_if_denied, allow_empty, .. } = settings;
        let MirrorSettings { timeout, snapshot_file, traces, .. } = settings;
        let source = source.into();
        let (config, file, traces) = match &source {
            Source::Cluster(cluster) => {
                let upstream = cluster.upstream();
                let file = snapshot_file.map(|path| SnapshotFile::new(path, upstream));
                let config = Config::new(upstream.clone())
                    .with_stale_if_denied(stale_if_denied)?
                    .with_allow_empty(allow_empty);
                (config, file, traces)
            }
            Source::Store(_) if snapshot_file.is_some() => {
                return Err(config::Error::new("snapshot_file", "expected a cluster").into());
            }
            Source::Store(_) => (Config::for_store(), None, None),
        };
        let config =
            config.with_timeout(timeout.min(LONGEST))?.with_times(refresh, stale_if_error)?;
        let seed = getrandom::u64()?;

        let clock = Clock::start();
        let mut mirror = Mirror::new(config, seed);
        if let Some(file) = &file
            && let Some(saved) = file.read().await?
            && let Err(error) = mirror.restore(clock.now(), saved)
        {
            // The first fetch replaces it.
            tracing::warn!(reason = %error, "the snapshot file is damaged and is not used");
        }

        let first = Published::of(mirror.reader(), clock.now());
        let (publisher, published) = watch::channel(Arc::new(first));
        let metrics = StoreMetrics::new(source.files());
        let fetching =
            Fetching::new(source, clock, mirror, file, publisher, metrics.clone(), traces);
        let mut task = JoinSet::new();
        task.spawn(fetching.run());
        let lookups = available_parallelism().map_or(1, |count| count.get());
        let lookups = Arc::new(Semaphore::new(lookups));
        Ok(Self { clock, published, lookups, metrics, _fetching: Arc::new(task) })
    }

    /// Answers one HTTP request, from memory. The body of the whole list is shared, and not copied.
    ///
    /// # Errors
    ///
    /// If the runtime ends.
    pub async fn handle(&self, request: Request) -> Result<rest::Response<Bytes>, CallError> {
        let (published, clock) = (self.published().await, self.clock);
        // Only a request with a query costs more than to find a document or to send the list as it is.
        if !request.target.contains('?') {
            return Ok(published.handle(clock.now(), &request));
        }

        let permit = self.lookups.clone().acquire_owned().await;
        let lookup = spawn_blocking(move || {
            let _permit = permit;
            published.handle(clock.now(), &request)
        });
        lookup.await.map_err(|error| CallError::Host(error.to_string()))
    }

    /// Returns the state of the mirror, for metrics and logs.
    pub fn status(&self) -> Status {
        self.published.borrow().clone().status(self.clock.now())
    }

    /// Returns the number of modules of the catalog; `None` if no catalog may answer.
    pub fn modules(&self) -> Option<usize> {
        self.published.borrow().modules(self.clock.now())
    }

    pub(crate) fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// Returns what was published last. Before the first fetch has ended, it waits for that.
    async fn published(&self) -> Arc<Published> {
        let published = self.published.borrow().clone();
        if published.answers() {
            return published;
        }
        // If nothing is fetched any more, this does not wait.
        let _ = self.published.clone().wait_for(|published| published.answers()).await;
        self.published.borrow().clone()
    }
}

impl fmt::Debug for StoreMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreMirror").field("age", &self.status().age).finish_non_exhaustive()
    }
}

/// The time since a mirror was started.
#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now() }
    }

    fn now(self) -> Timestamp {
        Timestamp(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant of a moment; `None` if it is too far off to come.
    fn instant(self, moment: Timestamp) -> Option<Instant> {
        self.started.checked_add(Duration::from_millis(moment.0))
    }
}
