//! A mirror of a cluster: its catalog, kept fresh over its REST API, and kept when the cluster does not
//! answer.
//!
//! The core's [`Mirror`] decides what is fetched and when, and what is answered. This module sends the
//! requests, tells the time, and keeps the catalog in a file.

mod fetching;
mod phase;
mod snapshot_file;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ccs_modules::access;
use ccs_modules::config;
use ccs_modules::mirror::{Config, FetchCounts, Freshness, Mirror, Reader, Timestamp};
use ccs_modules::rest;
use prometheus_client::metrics::histogram::Histogram;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::fetching::Fetching;
use self::snapshot_file::SnapshotFile;
use crate::stores::Cluster;
use crate::traces::Traces;
use crate::{Caller, Request, Response};

/// The settings of a mirror.
#[derive(Clone, Debug)]
pub struct MirrorSettings {
    /// The time between two fetches.
    pub refresh: Duration,
    /// The age up to which the catalog answers while fetches fail.
    pub stale_if_error: Duration,
    /// A file to keep the catalog in, so that a program can start while the cluster is down.
    pub snapshot_file: Option<PathBuf>,
    /// The traces of the fetches, one for each.
    pub traces: Option<Traces>,
}

impl Default for MirrorSettings {
    /// A fetch every 30 seconds, and answers for 24 hours while fetches fail.
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(30),
            stale_if_error: Duration::from_secs(24 * 60 * 60),
            snapshot_file: None,
            traces: None,
        }
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
    Random(String),
    /// The file is not one that a mirror wrote.
    #[error("the snapshot file {0}")]
    SnapshotFile(String),
}

/// A mirror of a cluster, which answers from memory. Clones share it. It is kept fresh until the last
/// one is dropped.
#[derive(Clone)]
pub struct ClusterMirror {
    clock: Clock,
    reader: watch::Receiver<Reader>,
    upstream_duration: Histogram,
    _fetching: Arc<JoinSet<()>>,
}

impl ClusterMirror {
    /// Starts a mirror. It answers once the first fetch has ended, or at once from its file.
    ///
    /// # Errors
    ///
    /// If a setting is refused, or the file is not one that a mirror wrote. A cluster that is down is
    /// no error.
    pub async fn start(cluster: Cluster, settings: MirrorSettings) -> Result<Self, MirrorError> {
        let MirrorSettings { refresh, stale_if_error, snapshot_file, traces } = settings;
        let upstream = cluster.upstream()?;
        let file = snapshot_file.map(|path| SnapshotFile::new(path, &upstream));
        let config = Config::new(upstream).with_times(refresh, stale_if_error)?;
        let seed = getrandom::u64().map_err(|error| MirrorError::Random(error.to_string()))?;
        let clock = Clock::start();
        let mut mirror = Mirror::new(config, seed);
        if let Some(file) = &file
            && let Some(saved) = file.read().await.map_err(MirrorError::SnapshotFile)?
            && let Err(error) = mirror.restore(clock.now(), saved)
        {
            // The first fetch replaces it.
            tracing::warn!(%error, "the snapshot file is damaged and is not used");
        }
        let upstream_duration = Histogram::new(fetching::SECONDS);
        let (published, receiver) = watch::channel(mirror.reader().clone());
        let fetching = Fetching::new(cluster, clock, mirror, file, published, traces);
        let mut task = JoinSet::new();
        task.spawn(fetching.run(upstream_duration.clone()));
        Ok(Self { clock, reader: receiver, upstream_duration, _fetching: Arc::new(task) })
    }

    /// Answers one HTTP request. Before the first fetch has ended, it waits for that.
    pub async fn handle(&self, request: &Request) -> Response {
        let caller = caller(&request.caller);
        let Request { method, target, headers, .. } = request;
        let headers = &rest::header_fields(headers);
        let request = rest::Request { method, target, headers, caller: &caller };
        if !self.is_ready() {
            // If nothing is fetched any more, this does not wait, and the answer is a 503.
            let _ = self.reader.clone().wait_for(|reader| has_fetched(reader, self.clock)).await;
        }
        let response = self.reader.borrow().handle(self.clock.now(), &request).into_owned();
        let rest::Response { status, headers, body, cause } = response;
        // Every body of the core is JSON.
        Response { status, headers, body: String::from_utf8(body).unwrap_or_default(), cause }
    }

    /// Whether there is a catalog that may answer.
    pub fn is_ready(&self) -> bool {
        self.reader.borrow().view(self.clock.now()).is_ok()
    }

    /// The age of the catalog; none if there is no catalog.
    pub fn age(&self) -> Option<Duration> {
        self.reader.borrow().status(self.clock.now()).age
    }

    /// Whether the catalog is fresh: the cluster was asked within two refresh intervals.
    pub fn is_fresh(&self) -> bool {
        let reader = self.reader.borrow();
        let view = reader.view(self.clock.now());
        view.is_ok_and(|view| matches!(view.freshness, Freshness::Fresh { .. }))
    }

    /// The numbers of fetches by outcome.
    pub fn fetches(&self) -> FetchCounts {
        self.reader.borrow().status(self.clock.now()).fetches
    }

    /// The times that the cluster took to respond.
    pub(crate) fn upstream_duration(&self) -> Histogram {
        self.upstream_duration.clone()
    }
}

impl fmt::Debug for ClusterMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterMirror").field("age", &self.age()).finish_non_exhaustive()
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

    /// The instant of a moment; none if it is too far off to come.
    fn instant(self, moment: Timestamp) -> Option<Instant> {
        self.started.checked_add(Duration::from_millis(moment.0))
    }
}

/// Whether a fetch has ended, well or not.
fn has_fetched(reader: &Reader, clock: Clock) -> bool {
    let FetchCounts { changed, failed, unchanged, .. } = reader.status(clock.now()).fetches;
    changed + failed + unchanged > 0
}

/// The caller as the core has it.
fn caller(caller: &Caller) -> access::Caller {
    match caller {
        Caller::Anonymous(roles) => access::Caller::Anonymous(roles.clone()),
        Caller::Authenticated(roles) => access::Caller::Authenticated(roles.clone()),
        Caller::Unauthenticated(challenge) => access::Caller::Unauthenticated(challenge.clone()),
    }
}
