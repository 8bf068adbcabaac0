//! The filter's counters, and the age of its mirror. The proxy lists them with its own statistics.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// The counters of the process. Every plugin and worker defines them, and they add up.
///
/// A request makes as few calls of the proxy as it can. So counts are added up here, and the proxy gets them with
/// the next tick.
pub struct Counters {
    /// The counts that the proxy has not got yet, by its numbers of the counters.
    pending: RefCell<BTreeMap<u32, i64>>,
    pub answers_from_configuration: Counter,
    pub answers_from_mirror: Counter,
    pub answers_from_upstream: Counter,
    /// Answers from a mirror that is not as fresh as it is meant to be.
    pub answers_stale: Counter,
    pub fetches_changed: Counter,
    pub fetches_failed: Counter,
    pub fetches_redirected: Counter,
    pub fetches_unchanged: Counter,
    pub mirror_age_seconds: Gauge,
    pub upstream_denied: Counter,
    pub upstream_malformed: Counter,
    pub upstream_status: Counter,
    pub upstream_timeout: Counter,
    pub upstream_too_large: Counter,
    pub upstream_unavailable: Counter,
    requests_2xx: Counter,
    requests_3xx: Counter,
    requests_4xx: Counter,
    requests_5xx: Counter,
}

impl Counters {
    /// Defines the counters.
    pub fn define() -> Self {
        Self {
            pending: RefCell::default(),
            answers_from_configuration: Counter::define("answers.configuration"),
            answers_from_mirror: Counter::define("answers.mirror"),
            answers_from_upstream: Counter::define("answers.upstream"),
            answers_stale: Counter::define("answers.stale"),
            fetches_changed: Counter::define("fetches.changed"),
            fetches_failed: Counter::define("fetches.failed"),
            fetches_redirected: Counter::define("fetches.redirected"),
            fetches_unchanged: Counter::define("fetches.unchanged"),
            mirror_age_seconds: Gauge::define("mirror.age_seconds"),
            upstream_denied: Counter::define("upstream_failures.denied"),
            upstream_malformed: Counter::define("upstream_failures.malformed"),
            upstream_status: Counter::define("upstream_failures.status"),
            upstream_timeout: Counter::define("upstream_failures.timeout"),
            upstream_too_large: Counter::define("upstream_failures.too_large"),
            upstream_unavailable: Counter::define("upstream_failures.unavailable"),
            requests_2xx: Counter::define("requests.2xx"),
            requests_3xx: Counter::define("requests.3xx"),
            requests_4xx: Counter::define("requests.4xx"),
            requests_5xx: Counter::define("requests.5xx"),
        }
    }

    /// Adds one.
    pub fn add_one(&self, Counter(id): Counter) {
        if let Some(id) = id {
            *self.pending.borrow_mut().entry(id).or_default() += 1;
        }
    }

    /// Gives the proxy the counts since the last time. A failure to count fails nothing else.
    pub fn flush(&self) {
        for (id, count) in mem::take(&mut *self.pending.borrow_mut()) {
            let _ = hostcalls::increment_metric(id, count);
        }
    }

    /// The counter of the requests that were answered with this status.
    pub fn requests(&self, status: u16) -> Counter {
        match status {
            ..300 => self.requests_2xx,
            300..400 => self.requests_3xx,
            400..500 => self.requests_4xx,
            500.. => self.requests_5xx,
        }
    }
}

/// A counter: the number that the proxy gave it, or `None` if the proxy did not define it.
#[derive(Clone, Copy)]
pub struct Counter(Option<u32>);

impl Counter {
    fn define(name: &str) -> Self {
        Self(define(MetricType::Counter, name))
    }
}

/// A value that goes up and down: the number that the proxy gave it, or `None` if the proxy did not
/// define it.
#[derive(Clone, Copy)]
pub struct Gauge(Option<u32>);

impl Gauge {
    fn define(name: &str) -> Self {
        Self(define(MetricType::Gauge, name))
    }

    /// Sets the value. The last worker and plugin that sets it counts.
    pub fn record(self, value: u64) {
        if let Some(id) = self.0 {
            let _ = hostcalls::record_metric(id, value);
        }
    }
}

fn define(kind: MetricType, name: &str) -> Option<u32> {
    hostcalls::define_metric(kind, &format!("ccs_modules.{name}")).ok()
}
