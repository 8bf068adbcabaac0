//! The mirror of an upstream's list, which answers without asking the upstream.
//!
//! Each worker of the proxy has a mirror of its own, and [`Shared`] makes one fetch enough for all of
//! them: the worker whose mirror is due first sends the request, and the others adopt its outcome.

use std::borrow::Cow;
use std::time::Duration;

use ccs_modules::mirror::{Fetch, FetchId, Freshness, Mirror, Outcome, Poll, Question, Timestamp};
use ccs_modules::{StoreError, rest};
use proxy_wasm::hostcalls;
use proxy_wasm::types::LogLevel;

use crate::config;
use crate::counters::Counters;
use crate::log;
use crate::shared::{GRACE, Shared};
use crate::upstream::{self, FailureKind, Headers, NoResponse, Request};

/// The mirror of a worker.
pub struct Mirrored {
    cluster: String,
    mirror: Mirror,
    shared: Shared,
    /// The latest request, unless its response has come.
    sent: Option<Sent>,
}

/// A request to the upstream that has no response yet.
struct Sent {
    /// The proxy's number of the call.
    token: u32,
    id: FetchId,
    request: Request,
    /// The time by which the proxy has reported the response.
    until: Duration,
}

impl Mirrored {
    /// Makes the mirror. It keeps what another worker has fetched already.
    pub fn new(config: config::Mirrored) -> Self {
        let config::Mirrored { cluster, config, name } = config;
        let mut mirrored = Self {
            cluster,
            // No two workers and proxies are configured in the same nanosecond.
            mirror: Mirror::new(config, now().as_nanos() as u64),
            shared: Shared::new(&name),
            sent: None,
        };
        mirrored.adopt(now());
        // As long as there is no list, another worker's is looked for often.
        let _ = hostcalls::set_tick_period(SHORTEST_TICK);
        mirrored
    }

    /// Does what is due: adopts what the other workers fetched, and sends a request if it is time for one.
    pub fn tick(&mut self, counters: &Counters) {
        let now = now();
        self.adopt(now);
        self.send_if_due(now, counters);
        if let Some(age) = self.mirror.reader().status(millis(now)).age {
            counters.mirror_age_seconds.record(age.as_secs());
            let period = self.mirror.reader().config().refresh() / 20;
            let _ = hostcalls::set_tick_period(period.clamp(SHORTEST_TICK, LONGEST_TICK));
        }
    }

    /// Takes the response to a request.
    pub fn take_response(&mut self, token: u32, headers: usize, body: usize, counters: &Counters) {
        // The mirror has given up what came before the latest request.
        let Some(Sent { id, request, .. }) = self.sent.take_if(|sent| sent.token == token) else {
            return;
        };
        let now = now();
        let was_failing = self.is_failing(now);
        match upstream::response(&request, headers, body) {
            Ok(response) => {
                let kind = FailureKind::of(&request, &response);
                let outcome = self.mirror.answered(millis(now), id, response);
                self.end(now, was_failing, outcome, kind, counters);
            }
            Err(NoResponse(why)) => {
                let outcome = self.mirror.failed(millis(now), id, StoreError::Unavailable(why));
                self.end(now, was_failing, outcome, FailureKind::Unavailable, counters);
            }
        }
        // A redirect is followed at once.
        self.send_if_due(now, counters);
    }

    /// Answers a request, and counts the answer by its source.
    pub fn handle(
        &self,
        request: &rest::Request<'_>,
        counters: &Counters,
    ) -> rest::Response<Cow<'_, [u8]>> {
        let now = millis(now());
        let response = self.mirror.reader().handle(now, request);
        if matches!(response.status, 200 | 304 | 404)
            && let Ok(view) = self.mirror.reader().view(now)
        {
            match view.freshness {
                Freshness::Fresh { .. } => counters.answers_from_mirror.add_one(),
                Freshness::Stale { .. } => counters.answers_stale.add_one(),
            }
        }
        response
    }

    /// Adopts the latest fetch of the other workers, if it is a new one.
    fn adopt(&mut self, now: Duration) {
        if let Some((moment, ended)) = self.shared.unseen() {
            self.mirror.adopt(millis(now), now.saturating_sub(moment), ended);
        }
    }

    fn send_if_due(&mut self, now: Duration, counters: &Counters) {
        // The proxy reports a timeout as well, at the same moment as the mirror would find it.
        if self.sent.as_ref().is_some_and(|sent| now < sent.until) {
            return;
        }
        let Poll::Fetch(Fetch { id, question: Question::Request(request), timeout, .. }) =
            self.mirror.poll(millis(now))
        else {
            return;
        };
        // If another worker has the lease, this mirror waits for the outcome.
        if !self.shared.take_lease(now, timeout) {
            return;
        }
        match upstream::send(&self.cluster, &request, &Headers::new(), timeout) {
            Ok(token) => {
                self.sent = Some(Sent { token, id, request, until: now + timeout + GRACE })
            }
            Err(NoResponse(why)) => {
                let was_failing = self.is_failing(now);
                let error = StoreError::Unavailable(why);
                let outcome = self.mirror.failed(millis(now), id, error);
                self.end(now, was_failing, outcome, FailureKind::Unavailable, counters);
            }
        }
    }

    /// Counts the outcome of a fetch, logs a change for the worse or the better, and publishes it for the
    /// other workers.
    fn end(
        &mut self,
        now: Duration,
        was_failing: bool,
        outcome: Outcome,
        kind: FailureKind,
        counters: &Counters,
    ) {
        match outcome {
            Outcome::Redirected => {
                counters.fetches_redirected.add_one();
                // The next request takes the lease again.
                self.shared.end_lease();
                return;
            }
            Outcome::Changed(_) | Outcome::Unchanged => {
                match outcome {
                    Outcome::Changed(_) => counters.fetches_changed.add_one(),
                    _ => counters.fetches_unchanged.add_one(),
                }
                if was_failing {
                    let text =
                        format!("the upstream in cluster \"{}\" answers again", self.cluster);
                    log(LogLevel::Warn, &text);
                }
            }
            Outcome::Failed(error) => {
                counters.fetches_failed.add_one();
                kind.counter(counters).add_one();
                if !was_failing {
                    let kept = match self.mirror.reader().status(millis(now)).age {
                        Some(age) => format!("answers come from a list {} s old", age.as_secs()),
                        None => "there is no list to answer from".into(),
                    };
                    log(
                        LogLevel::Warn,
                        &format!("the upstream cannot be mirrored: {error}; {kept}"),
                    );
                }
            }
            // The mirror has adopted the fetch of another worker meanwhile.
            _ => return,
        }
        self.shared.publish(now, self.mirror.reader().ended(millis(now)));
    }

    fn is_failing(&self, now: Duration) -> bool {
        self.mirror.reader().status(millis(now)).failure.is_some()
    }
}

const SHORTEST_TICK: Duration = Duration::from_millis(10);
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// The proxy's time since 1970. It may go back; the mirror's clock does not.
fn now() -> Duration {
    let now = hostcalls::get_current_time().ok();
    now.and_then(|now| now.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default()
}

fn millis(time: Duration) -> Timestamp {
    Timestamp(time.as_millis() as u64)
}
