//! The fetches of a mirror.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ccs_modules::StoreError;
use ccs_modules::mirror::{
    Changes, Fetch, FetchId, Mirror, Outcome, Poll, Question, Reader, Status,
};
use opentelemetry::trace::SpanBuilder;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::Clock;
use super::phase::Phases;
use super::snapshot_file::SnapshotFile;
use crate::stores::Cluster;
use crate::traces::{Span, Traces};

/// The upper limits of the buckets of a response's duration, in seconds.
pub(super) const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The attribute of a fetch's span for its outcome.
const OUTCOME: &str = "ccs.mirror.outcome";

/// A mirror that is kept fresh. What it has is published after each fetch.
pub(super) struct Fetching {
    cluster: Cluster,
    clock: Clock,
    /// The mirror. Nobody waits for its lock, since only one fetch is made at a time.
    mirror: Arc<Mutex<Mirror>>,
    file: Option<SnapshotFile>,
    published: watch::Sender<Reader>,
    phases: Phases,
    traces: Option<Traces>,
}

impl Fetching {
    pub(super) fn new(
        cluster: Cluster,
        clock: Clock,
        mirror: Mirror,
        file: Option<SnapshotFile>,
        published: watch::Sender<Reader>,
        traces: Option<Traces>,
    ) -> Self {
        let mirror = Arc::new(Mutex::new(mirror));
        Self { cluster, clock, mirror, file, published, phases: Phases::default(), traces }
    }

    /// Fetches when it is due, for ever.
    pub(super) async fn run(mut self, upstream_duration: Histogram) {
        let status = self.status();
        if status.age.is_some() {
            self.phases.observe(&status);
        }
        loop {
            let next = self.mirror().poll(self.clock.now());
            match next {
                Poll::Fetch(fetch) => {
                    let asked = Instant::now();
                    let outcome = self.traced_fetch(fetch).await;
                    upstream_duration.observe(asked.elapsed().as_secs_f64());
                    self.ended(&outcome).await;
                }
                Poll::Wait { until } => match self.clock.instant(until) {
                    Some(instant) => sleep_until(instant).await,
                    None => return,
                },
            }
        }
    }

    /// Makes a fetch, which is a trace of its own.
    async fn traced_fetch(&mut self, fetch: Fetch) -> Outcome {
        let span = Span::root(self.traces.as_ref(), || SpanBuilder::from_name("mirror fetch"));
        let outcome = span.run(self.fetch(fetch)).await;
        match &outcome {
            Outcome::Changed(_) => span.set(OUTCOME, "changed"),
            Outcome::Failed(error) => {
                span.set(OUTCOME, "failed");
                span.fail("fetch_failed", error.to_string());
            }
            Outcome::Late => span.set(OUTCOME, "late"),
            Outcome::Redirected => span.set(OUTCOME, "redirected"),
            Outcome::Unchanged => span.set(OUTCOME, "unchanged"),
            _ => {}
        }
        outcome
    }

    async fn fetch(&mut self, Fetch { id, question, timeout, .. }: Fetch) -> Outcome {
        let response = match question {
            Question::Request(request) => self.cluster.send(&request, timeout).await,
            Question::Documents { .. } => Err("the source is a cluster".into()),
        };
        let response = match response {
            Ok(response) => response,
            Err(why) => return self.failed(id, why),
        };

        // The body is checked whole, which takes long if it is long.
        let (clock, mirror) = (self.clock, self.mirror.clone());
        let checking = spawn_blocking(move || lock(&mirror).answered(clock.now(), id, response));
        match checking.await {
            Ok(outcome) => outcome,
            Err(error) => self.failed(id, error.to_string()),
        }
    }

    /// Publishes what the mirror has after a fetch, logs what has changed, and saves the catalog.
    async fn ended(&mut self, outcome: &Outcome) {
        let reader = self.mirror().reader().clone();
        self.published.send_replace(reader.clone());
        if let Outcome::Changed(Changes { added, removed, changed, .. }) = outcome {
            tracing::info!(added, removed, changed, "the catalog has changed");
        }
        match outcome {
            Outcome::Redirected => return,
            Outcome::Failed(error) => tracing::debug!(%error, "a fetch failed"),
            _ => {
                if let Some(file) = &mut self.file
                    && let Some(saved) = reader.save(self.clock.now())
                {
                    file.write(saved).await;
                }
            }
        }
        self.phases.observe(&self.status());
    }

    fn failed(&self, id: FetchId, why: String) -> Outcome {
        self.mirror().failed(self.clock.now(), id, StoreError::Unavailable(why))
    }

    fn status(&self) -> Status {
        self.mirror().reader().status(self.clock.now())
    }

    fn mirror(&self) -> MutexGuard<'_, Mirror> {
        lock(&self.mirror)
    }
}

fn lock(mirror: &Mutex<Mirror>) -> MutexGuard<'_, Mirror> {
    mirror.lock().unwrap_or_else(PoisonError::into_inner)
}
