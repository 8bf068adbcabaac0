//! The part of a mirror that all workers of the proxy share: a lease to fetch, and the end of the latest
//! fetch.
//!
//! The proxy keeps both for all plugins with one `vm_id`. A write names the version that it replaces,
//! so of two workers that want the lease at the same time one gets it.

use std::time::Duration;

use ccs_modules::mirror::{Ended, Failure, Saved};
use ccs_modules::{Error, StoreError};
use proxy_wasm::hostcalls;

/// The time that the proxy may take to report a timeout.
pub const GRACE: Duration = Duration::from_secs(1);

/// The shared part of the mirrors of one upstream.
pub struct Shared {
    /// The key of the lease.
    lease: String,
    /// The key of the outcome.
    outcome: String,
    /// The number of the latest fetch whose outcome is known here.
    seen: u64,
}

/// The lease to fetch.
#[derive(Clone, Copy, Default)]
struct Lease {
    /// The fetches that have ended.
    ended: u64,
    /// The time when the lease ends, in milliseconds; 0 if no worker has it.
    until: u64,
}

/// The end of a fetch, without the list, which follows. Times are in milliseconds: the moment at which the
/// fetch ended, the node, the failure, and the catalog. Tuples take less code than structs.
type Head = (u64, usize, Option<FailureHead>, Option<SavedHead>);

/// The kind and the reason of a failure, whether it is a denial, and the wait.
type FailureHead = (char, String, bool, u64);

/// The validator of a catalog, its age, the time since validation, and why it was stale when it came.
type SavedHead = (Option<String>, Option<u64>, u64, Option<String>);

impl Shared {
    /// Opens the shared part of this name. All mirrors of one upstream use one name, and others
    /// another one.
    pub fn new(name: &str) -> Self {
        let shared = Self {
            lease: format!("ccs-modules.{name}.lease"),
            outcome: format!("ccs-modules.{name}.outcome"),
            seen: 0,
        };
        // A version can only be named where there is one.
        if shared.read_lease().is_none() {
            let _ = shared.write_lease(Lease::default(), None);
        }
        shared
    }

    /// Takes the lease for this long. Returns false if another worker has it, or has ended a fetch that
    /// is not known here.
    pub fn take_lease(&self, now: Duration, timeout: Duration) -> bool {
        let Some((lease, version)) = self.read_lease() else { return true };
        let until = (now + timeout + GRACE).as_millis() as u64;
        let now = now.as_millis() as u64;
        // A lease that lasts too long is from before the clock went back.
        let is_taken = lease.until > now && lease.until <= until;
        lease.ended == self.seen
            && !is_taken
            && self.write_lease(Lease { until, ..lease }, Some(version))
    }

    /// Ends the lease without an outcome.
    pub fn end_lease(&self) {
        if let Some((lease, version)) = self.read_lease() {
            self.write_lease(Lease { until: 0, ..lease }, Some(version));
        }
    }

    /// Publishes the end of a fetch that has ended now, and ends the lease.
    pub fn publish(&mut self, now: Duration, ended: Ended) {
        let Ended { node, saved, failure, .. } = ended;
        let body = saved.as_ref().map(|saved| saved.body.clone()).unwrap_or_default();
        let head: Head =
            (milliseconds(now), node, failure.map(failure_head), saved.map(saved_head));
        let Ok(mut data) = serde_json::to_vec(&head) else { return };
        data.push(b'\n');
        data.extend_from_slice(&body);
        let _ = hostcalls::set_shared_data(&self.outcome, Some(&data), None);
        let earlier = self.read_lease().map_or(self.seen, |(lease, _)| lease.ended);
        self.seen = earlier.max(self.seen) + 1;
        self.write_lease(Lease { ended: self.seen, until: 0 }, None);
    }

    /// Returns the end of the latest fetch, and its moment; `None` if it is known already.
    pub fn unseen(&mut self) -> Option<(Duration, Ended)> {
        let (lease, _) = self.read_lease()?;
        if lease.ended == self.seen {
            return None;
        }
        self.seen = lease.ended;

        let (data, _) = hostcalls::get_shared_data(&self.outcome).ok()?;
        let data = data?;
        let mut parts = data.splitn(2, |byte| *byte == b'\n');
        let (head, body) = (parts.next()?, parts.next()?);
        // From bytes, serde_json would be compiled once more: the core reads documents as text.
        let (moment, node, failure, saved): Head =
            serde_json::from_str(str::from_utf8(head).ok()?).ok()?;
        let saved = saved.map(|(validator, age, since_validation, stale)| {
            Saved::new(body.to_vec(), validator, age.map(Duration::from_millis))
                .with_validation(Duration::from_millis(since_validation), stale)
        });
        let ended = Ended::new(node, saved, failure.map(failure_of));
        Some((Duration::from_millis(moment), ended))
    }

    fn read_lease(&self) -> Option<(Lease, u32)> {
        let (data, version) = hostcalls::get_shared_data(&self.lease).ok()?;
        let (ended, until) = data.as_deref()?.split_first_chunk()?;
        let lease = Lease {
            ended: u64::from_le_bytes(*ended),
            until: u64::from_le_bytes(until.try_into().ok()?),
        };
        Some((lease, version?))
    }

    /// Writes the lease, if it still has this version. Returns whether it had.
    fn write_lease(&self, Lease { ended, until }: Lease, version: Option<u32>) -> bool {
        let data = [ended.to_le_bytes(), until.to_le_bytes()].concat();
        hostcalls::set_shared_data(&self.lease, Some(&data), version).is_ok()
    }
}

fn failure_head(Failure { error, is_denied, wait, .. }: Failure) -> FailureHead {
    let (kind, why) = match error {
        Error::Store(StoreError::Denied(why)) => ('d', why),
        Error::Store(StoreError::TooLong(why)) => ('l', why),
        Error::Store(StoreError::Unavailable(why)) => ('u', why),
        Error::Store(error) => ('o', error.reason().into()),
        error => ('o', error.to_string()),
    };
    (kind, why, is_denied, milliseconds(wait))
}

fn failure_of((kind, why, is_denied, wait): FailureHead) -> Failure {
    let error = match kind {
        'd' => StoreError::Denied(why),
        'l' => StoreError::TooLong(why),
        'u' => StoreError::Unavailable(why),
        _ => StoreError::Other(why),
    };
    Failure::new(error.into(), is_denied, Duration::from_millis(wait))
}

fn saved_head(Saved { validator, age, since_validation, stale, .. }: Saved) -> SavedHead {
    (validator, age.map(milliseconds), milliseconds(since_validation), stale)
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}
