//! The fetches of a mirror.

use ccs_modules::mirror::{Fetch, Mirror, Outcome, Poll};
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
    mirror: Mirror,
    file: Option<SnapshotFile>,
    published: watch::Sender<Mirror>,
    phases: Phases,
    traces: Option<Traces>,
}

impl Fetching {
    pub(super) fn new(
        cluster: Cluster,
        clock: Clock,
        mirror: Mirror,
        file: Option<SnapshotFile>,
        published: watch::Sender<Mirror>,
        traces: Option<Traces>,
    ) -> Self {
        Self { cluster, clock, mirror, file, published, phases: Phases::default(), traces }
    }

    /// Fetches when it is due, for ever.
    pub(super) async fn run(mut self, upstream_duration: Histogram) {
        if self.mirror.status(self.clock.now()).age.is_some() {
            self.phases.observe(&self.mirror.status(self.clock.now()));
        }
        loop {
            match self.mirror.poll(self.clock.now()) {
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
            Outcome::Changed => span.set(OUTCOME, "changed"),
            Outcome::Failed(error) => {
                span.set(OUTCOME, "failed");
                span.fail("fetch_failed", error.to_string());
            }
            Outcome::Late => span.set(OUTCOME, "late"),
            Outcome::Redirected => span.set(OUTCOME, "redirected"),
            Outcome::Unchanged => span.set(OUTCOME, "unchanged"),
        }
        outcome
    }

    async fn fetch(&mut self, Fetch { id, request, timeout }: Fetch) -> Outcome {
        match self.cluster.send(&request, timeout).await {
            Ok(response) => {
                let (clock, mut mirror) = (self.clock, self.mirror.clone());
                // The body is checked whole, which takes long if it is long.
                let checking = spawn_blocking(move || {
                    let outcome = mirror.answered(clock.now(), id, response);
                    (mirror, outcome)
                });
                match checking.await {
                    Ok((mirror, outcome)) => {
                        self.mirror = mirror;
                        outcome
                    }
                    Err(error) => self.mirror.failed(self.clock.now(), id, &error.to_string()),
                }
            }
            Err(why) => self.mirror.failed(self.clock.now(), id, &why),
        }
    }

    /// Publishes what the mirror has after a fetch, logs what has changed, and saves the catalog.
    async fn ended(&mut self, outcome: &Outcome) {
        self.published.send_replace(self.mirror.clone());
        match outcome {
            Outcome::Redirected => return,
            Outcome::Failed(error) => tracing::debug!(%error, "a fetch failed"),
            Outcome::Changed | Outcome::Late | Outcome::Unchanged => {
                if let Some(file) = &mut self.file
                    && let Some(saved) = self.mirror.save(self.clock.now())
                {
                    file.write(saved).await;
                }
            }
        }
        self.phases.observe(&self.mirror.status(self.clock.now()));
    }
}
