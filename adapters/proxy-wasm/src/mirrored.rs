//! The mirror of an upstream's list, which answers without asking the upstream.
//!
//! Each worker of the proxy has a mirror of its own, and [`Shared`] makes one fetch enough for all of
//! them: the worker whose mirror is due first sends the request, and the others adopt its outcome.

use std::borrow::Cow;
use std::time::Duration;

use ccs_modules::mirror::{
    Changes, Fetch, FetchId, Freshness, Mirror, Outcome, Poll, Question, Timestamp,
};
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
        let config::Mirrored { cluster, config, names } = config;
        let mut mirrored = Self {
            cluster,
            // No two workers and proxies are configured in the same nanosecond.
            mirror: Mirror::new(config, now().as_nanos() as u64),
            shared: Shared::new(names),
            sent: None,
        };
        mirrored.adopt(now());
        // The proxy sends no request while it configures a plugin.
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
        &mut self,
        request: &rest::Request<'_>,
        counters: &Counters,
    ) -> rest::Response<Cow<'_, [u8]>> {
        // The first list of another worker answers before the next tick.
        if self.mirror.reader().snapshot().is_none() {
            self.adopt(now());
        }

        let now = millis(now());
        let response = self.mirror.reader().handle(now, request);
        if matches!(response.status, 200 | 304 | 404)
            && let Ok(view) = self.mirror.reader().view(now)
        {
            match view.freshness {
                Freshness::Fresh { .. } => counters.add_one(counters.answers_from_mirror),
                Freshness::Stale { .. } => counters.add_one(counters.answers_stale),
            }
        }
        response
    }

    /// Adopts the latest fetch of the other workers, if it is a new one.
    fn adopt(&mut self, now: Duration) {
        let entity_tag = self.mirror.reader().snapshot().map(|list| list.entity_tag());
        if let Some((moment, ended)) = self.shared.unseen(entity_tag.as_deref()) {
            self.mirror.adopt(millis(now), now.saturating_sub(moment), ended);
        }
    }

    /// Sends a request if it is time for one, and sets the next tick.
    fn send_if_due(&mut self, now: Duration, counters: &Counters) {
        // The proxy reports a timeout as well, at the same moment as the mirror would find it.
        let until = match &self.sent {
            Some(sent) if now < sent.until => None,
            _ => self.poll(now, counters),
        };
        let _ = hostcalls::set_tick_period(self.next_tick(now, until));
    }

    /// Returns the time until the next tick: at the mirror's moment, and soon enough for the list of
    /// another worker.
    fn next_tick(&self, now: Duration, until: Option<Timestamp>) -> Duration {
        let reader = self.mirror.reader();
        let is_another_fetching = self.sent.is_none() && reader.status(millis(now)).fetching;
        let longest = match reader.snapshot() {
            None if is_another_fetching => FIRST_LIST_TICK,
            _ => (reader.config().refresh() / 20).clamp(SHORTEST_TICK, LONGEST_TICK),
        };
        let wait = until.map(|until| until.0.saturating_sub(millis(now).0));
        wait.map_or(longest, |wait| Duration::from_millis(wait).clamp(SHORTEST_TICK, longest))
    }

    /// Polls the mirror, and sends the request that is due. Returns the moment to wait for if there is no
    /// request.
    fn poll(&mut self, now: Duration, counters: &Counters) -> Option<Timestamp> {
        let (id, request, timeout) = match self.mirror.poll(millis(now)) {
            Poll::Wait { until } => return Some(until),
            Poll::Fetch(Fetch { id, question: Question::Request(request), timeout, .. }) => {
                (id, request, timeout)
            }
            Poll::Fetch(_) => return None,
        };
        // If another worker has the lease, this mirror waits for the outcome.
        if !self.shared.take_lease(now, timeout) {
            return None;
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
        None
    }

    /// Counts the outcome of a fetch, logs when the mirror fails or recovers, and publishes it for the
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
                counters.add_one(counters.fetches_redirected);
                // The next request takes the lease again.
                self.shared.end_lease();
                return;
            }
            Outcome::Changed(_) | Outcome::Unchanged => {
                match outcome {
                    Outcome::Changed(changes) => {
                        counters.add_one(counters.fetches_changed);
                        log_changes(changes);
                        if let Some(list) = self.mirror.reader().snapshot() {
                            self.shared.publish_list(list);
                        }
                    }
                    _ => counters.add_one(counters.fetches_unchanged),
                }
                if was_failing {
                    let text =
                        format!("the upstream in cluster \"{}\" answers again", self.cluster);
                    log(LogLevel::Warn, &text);
                }
            }
            Outcome::Failed(error) => {
                counters.add_one(counters.fetches_failed);
                counters.add_one(kind.counter(counters));
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
        let reader = self.mirror.reader();
        let entity_tag = reader.snapshot().map(|list| list.entity_tag());
        self.shared.publish(now, reader.ended(millis(now)), entity_tag);
    }

    fn is_failing(&self, now: Duration) -> bool {
        self.mirror.reader().status(millis(now)).failure.is_some()
    }
}

fn log_changes(Changes { added, removed, changed, .. }: Changes) {
    if added + removed + changed > 0 {
        let text = format!(
            "the catalog has changed: {added} modules added, {removed} removed, {changed} changed"
        );
        log(LogLevel::Info, &text);
    }
}

const SHORTEST_TICK: Duration = Duration::from_millis(10);
/// The longest time until the proxy has the counts, and until a worker has the list of another one.
pub const LONGEST_TICK: Duration = Duration::from_secs(1);

/// The time between two looks for the first list, while another worker fetches it.
const FIRST_LIST_TICK: Duration = Duration::from_millis(50);

/// The proxy's time since 1970. It may go back; the mirror's clock does not.
pub fn now() -> Duration {
    let now = hostcalls::get_current_time().ok();
    now.and_then(|now| now.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default()
}

fn millis(time: Duration) -> Timestamp {
    Timestamp(time.as_millis() as u64)
}
