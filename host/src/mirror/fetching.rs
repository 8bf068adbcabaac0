//! The fetches of a mirror.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::mirror::{
    Changes, Fetch, FetchId, Mirror, Outcome, Poll, Question, Status, Stored,
};
use ccs_modules::{Error, StoreError, upstream};
use opentelemetry::trace::SpanBuilder;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::phase::Phases;
use super::published::Published;
use super::snapshot_file::SnapshotFile;
use super::{Clock, Source};
use crate::Ccs;
use crate::ccs::in_time;
use crate::stores::{StoreFailure, StoreMetrics};
use crate::traces::{Span, Traces};

/// The time between two looks for new credentials, and at the age of the catalog.
const LOOK: Duration = Duration::from_secs(1);

/// The attribute of a fetch's span for its outcome.
const OUTCOME: &str = "ccs.mirror.outcome";

/// A mirror that is kept fresh. What it has is published after each fetch.
pub(super) struct Fetching {
    source: Source,
    clock: Clock,
    /// The mirror. Its lock is never waited for, since only one fetch is made at a time.
    mirror: Arc<Mutex<Mirror>>,
    file: Option<SnapshotFile>,
    published: watch::Sender<Arc<Published>>,
    phases: Phases,
    metrics: StoreMetrics,
    traces: Option<Traces>,
}

/// The answer of a source.
enum Answer {
    Response(upstream::Response),
    Stored(Stored),
}

impl Fetching {
    pub(super) fn new(
        source: Source,
        clock: Clock,
        mirror: Mirror,
        file: Option<SnapshotFile>,
        published: watch::Sender<Arc<Published>>,
        metrics: StoreMetrics,
        traces: Option<Traces>,
    ) -> Self {
        if let Source::Cluster(cluster) = &source {
            cluster.upstream().nodes().iter().for_each(|node| metrics.node_failed(node, 0));
        }
        let (mirror, phases) = (Arc::new(Mutex::new(mirror)), Phases::new(source.name()));
        Self { source, clock, mirror, file, published, phases, metrics, traces }
    }

    /// Fetches when it is due, for ever.
    pub(super) async fn run(mut self) {
        let status = self.status();
        if status.age.is_some() || status.freshness.is_ok() {
            self.phases.observe(&status);
        }
        loop {
            let next = self.mirror().poll(self.clock.now());
            match next {
                Poll::Fetch(fetch) => {
                    let took = self.traced_fetch(fetch).await;
                    // A store is left alone for as long as it was kept busy. A cluster is asked rarely enough,
                    // and a redirect is followed at once.
                    if matches!(self.source, Source::Store(_)) {
                        sleep(took).await;
                    }
                }
                Poll::Wait { until } => match self.clock.instant(until) {
                    Some(instant) => self.wait(instant).await,
                    None => return,
                },
            }
        }
    }

    /// Waits until this moment, or for new credentials if the cluster refuses the last ones. While the source
    /// fails, the catalog may become too old to answer, which is logged.
    async fn wait(&mut self, until: Instant) {
        while let Some(failure) = self.status().failure
            && Instant::now() < until
        {
            sleep_until(until.min(Instant::now() + LOOK)).await;
            let status = self.status();
            self.phases.observe(&status);
            if let (Source::Cluster(cluster), Error::Store(StoreError::Denied(_))) =
                (&self.source, failure)
                && cluster.has_new_credentials().await
            {
                return self.mirror().renew(self.clock.now());
            }
        }
        sleep_until(until).await;
    }

    /// Makes a fetch, which is a trace of its own. Returns the time that the source took to answer.
    async fn traced_fetch(&mut self, fetch: Fetch) -> Duration {
        let span = Span::root(self.traces.as_ref(), || SpanBuilder::from_name("mirror fetch"));
        let (id, timeout, asked) = (fetch.id, fetch.timeout, Instant::now());
        let node = match &fetch.question {
            Question::Request(request) => Some(request.node),
            _ => None,
        };
        let answer = span.run(self.ask(fetch.question, timeout)).await;
        let took = asked.elapsed();

        let outcome = self.take(id, answer).await;
        self.metrics.answered(took);
        match &outcome {
            Outcome::Changed(_) => span.set(OUTCOME, "changed"),
            Outcome::Failed(error) => {
                if let (Source::Cluster(cluster), Some(node)) = (&self.source, node)
                    && let Some(node) = cluster.upstream().nodes().get(node)
                {
                    self.metrics.node_failed(node, 1);
                }
                if let Error::Store(error) = error {
                    let is_late = took >= timeout;
                    let late = is_late.then_some(StoreFailure::NoAnswer);
                    self.metrics.failed(late.unwrap_or_else(|| StoreFailure::of(error)));
                }
                span.set(OUTCOME, "failed");
                span.fail("fetch_failed", error.to_string());
            }
            Outcome::Late => span.set(OUTCOME, "late"),
            Outcome::Redirected => span.set(OUTCOME, "redirected"),
            Outcome::Unchanged => span.set(OUTCOME, "unchanged"),
            _ => {}
        }
        self.ended(&outcome).await;
        took
    }

    /// Asks the source, for as long as it has time to answer.
    async fn ask(&self, question: Question, timeout: Duration) -> Result<Answer, StoreError> {
        match (&self.source, question) {
            (Source::Cluster(cluster), Question::Request(request)) => {
                let response = cluster.send(&request, timeout).await;
                response
                    .map(Answer::Response)
                    .map_err(|error| StoreError::Unavailable(error.to_string()))
            }
            (Source::Store(ccs), Question::Documents { unless }) => {
                let stored = read(&**ccs, unless.as_deref());
                in_time(&**ccs, timeout, stored).await.map(Answer::Stored)
            }
            // The configuration is made for the source.
            _ => Err(StoreError::Other("the question is for another source".into())),
        }
    }

    /// Gives the answer to the mirror.
    async fn take(&self, id: FetchId, answer: Result<Answer, StoreError>) -> Outcome {
        let (clock, mirror) = (self.clock, self.mirror.clone());
        // A catalog is checked whole, which takes long if it is long.
        let taking = spawn_blocking(move || {
            let (now, mut mirror) = (clock.now(), lock(&mirror));
            match answer {
                Ok(Answer::Response(response)) => mirror.answered(now, id, response),
                Ok(Answer::Stored(stored)) => mirror.stored(now, id, stored),
                Err(error) => mirror.failed(now, id, error),
            }
        });
        taking.await.unwrap_or_else(|error| {
            let error = StoreError::Other(error.to_string());
            self.mirror().failed(self.clock.now(), id, error)
        })
    }

    /// Publishes what the mirror has after a fetch, logs what has changed, and saves the catalog.
    async fn ended(&mut self, outcome: &Outcome) {
        let (now, reader) = (self.clock.now(), self.mirror().reader().clone());
        self.published.send_replace(Arc::new(Published::of(&reader, now)));

        if let Outcome::Changed(Changes { added, removed, changed, .. }) = outcome
            && added + removed + changed > 0
        {
            tracing::info!(added, removed, changed, "the catalog has changed");
        }

        match outcome {
            Outcome::Redirected => return,
            Outcome::Failed(error) => tracing::debug!(reason = %error, "a fetch failed"),
            _ => {
                if let Some(file) = &mut self.file
                    && let Some(saved) = reader.save(now)
                {
                    file.write(saved).await;
                }
            }
        }
        self.phases.observe(&self.status());
    }

    fn status(&self) -> Status {
        self.mirror().reader().status(self.clock.now())
    }

    fn mirror(&self) -> MutexGuard<'_, Mirror> {
        lock(&self.mirror)
    }
}

/// Reads a store, unless it still has this version.
async fn read(ccs: &dyn Ccs, unless: Option<&str>) -> Result<Stored, StoreError> {
    // If the store changes after this, its documents are read once more.
    let version = ccs.version().await?.map(|version| version.to_string());
    if version.is_some() && version.as_deref() == unless {
        return Ok(Stored::Unchanged);
    }
    Ok(Stored::Documents { documents: ccs.list_documents().await?, version })
}

fn lock(mirror: &Mutex<Mirror>) -> MutexGuard<'_, Mirror> {
    mirror.lock().unwrap_or_else(PoisonError::into_inner)
}
