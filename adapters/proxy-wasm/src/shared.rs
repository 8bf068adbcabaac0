//! The part of a mirror that all workers of the proxy share: a lease to fetch, the end of the latest fetch,
//! and the list.
//!
//! The proxy keeps them for all plugins with one `vm_id`, and never deletes one. So the list, which is
//! long, has a name that stays when the credentials change: the next list takes its place. A write of the
//! lease names the version that it replaces, so of two workers that want it at the same time one gets it.

use std::time::Duration;

use ccs_modules::mirror::{Ended, Failure, Validation};
use ccs_modules::{Error, Snapshot, StoreError};
use proxy_wasm::hostcalls;

use crate::config::Names;

/// The time that the proxy may take to report a timeout.
pub const GRACE: Duration = Duration::from_secs(1);

/// The shared part of the mirrors of one upstream.
pub struct Shared {
    names: Names,
    /// The key of the lease.
    lease: String,
    /// The key of the outcome.
    outcome: String,
    /// The key of the list.
    list: String,
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

/// The end of a fetch, as it is shared. Times are in milliseconds: the moment at which the fetch ended, the
/// node, the failure, and the catalog. Tuples take less code than structs.
type Outcome = (u64, usize, Option<FailureParts>, Option<CatalogParts>);

/// The kind and the reason of a failure, whether it is a denial, and the wait.
type FailureParts = (char, String, bool, u64);

/// The entity tag of a catalog, its validator, its age, the time since validation, and why it was stale
/// when it came.
type CatalogParts = (String, Option<String>, Option<u64>, u64, Option<String>);

impl Shared {
    /// Opens the shared part of these names.
    pub fn new(names: Names) -> Self {
        let shared = Self {
            lease: format!("ccs-modules.{}.lease", names.upstream),
            outcome: format!("ccs-modules.{}.outcome", names.upstream),
            list: format!("ccs-modules.{}.list", names.list),
            names,
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

    /// Publishes the list of a fetch, whose end is published next.
    pub fn publish_list(&self, list: &Snapshot) {
        let data = [self.head_of_list(&list.entity_tag()).as_bytes(), list.body()].concat();
        let _ = hostcalls::set_shared_data(&self.list, Some(&data), None);
    }

    /// Publishes the end of a fetch that has ended now, with the entity tag of the list that is kept, and
    /// ends the lease.
    pub fn publish(&mut self, now: Duration, ended: Ended, entity_tag: Option<String>) {
        let Ended { node, validation, failure, .. } = ended;
        let catalog = entity_tag.zip(validation).map(catalog_parts);
        let outcome: Outcome = (milliseconds(now), node, failure.map(failure_parts), catalog);
        let Ok(data) = serde_json::to_vec(&outcome) else { return };
        let _ = hostcalls::set_shared_data(&self.outcome, Some(&data), None);

        let earlier = self.read_lease().map_or(self.seen, |(lease, _)| lease.ended);
        self.seen = earlier.max(self.seen) + 1;
        self.write_lease(Lease { ended: self.seen, until: 0 }, None);
    }

    /// Returns the end of the latest fetch, and its moment, for a worker whose list has this entity tag.
    /// `None` if it is known already. `None` also if the list of another upstream has replaced its list
    /// since: the worker then fetches the list itself.
    pub fn unseen(&mut self, entity_tag: Option<&str>) -> Option<(Duration, Ended)> {
        let (lease, _) = self.read_lease()?;
        if lease.ended == self.seen {
            return None;
        }
        self.seen = lease.ended;

        let (data, _) = hostcalls::get_shared_data(&self.outcome).ok()?;
        // From bytes, serde_json would be compiled once more: the core reads documents as text.
        let (moment, node, failure, catalog): Outcome =
            serde_json::from_str(str::from_utf8(&data?).ok()?).ok()?;
        let (moment, failure) = (Duration::from_millis(moment), failure.map(failure_of));
        let Some((tag, validation)) = catalog.map(validation_of) else {
            return Some((moment, Ended::new(node, None, failure)));
        };

        if entity_tag == Some(&tag) {
            return Some((moment, Ended::new(node, Some(validation), failure)));
        }
        match self.read_list(&tag) {
            Some(body) => {
                Some((moment, Ended::new(node, Some(validation), failure).with_body(body)))
            }
            // A denial counts without the list, too.
            None => failure.map(|failure| (moment, Ended::new(node, None, Some(failure)))),
        }
    }

    /// Reads the list with this entity tag.
    fn read_list(&self, entity_tag: &str) -> Option<Vec<u8>> {
        let (data, _) = hostcalls::get_shared_data(&self.list).ok()?;
        let mut data = data?;
        let head = self.head_of_list(entity_tag);
        if !data.starts_with(head.as_bytes()) {
            return None;
        }
        data.drain(..head.len());
        Some(data)
    }

    /// Returns the line before the list, which differs for another upstream.
    fn head_of_list(&self, entity_tag: &str) -> String {
        format!("{} {entity_tag}\n", self.names.upstream)
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

fn failure_parts(Failure { error, is_denied, wait, .. }: Failure) -> FailureParts {
    let (kind, why) = match error {
        Error::Store(StoreError::Denied(why)) => ('d', why),
        Error::Store(StoreError::TooLong(why)) => ('l', why),
        Error::Store(StoreError::Unavailable(why)) => ('u', why),
        Error::Store(error) => ('o', error.reason().into()),
        error => ('o', error.to_string()),
    };
    (kind, why, is_denied, milliseconds(wait))
}

fn failure_of((kind, why, is_denied, wait): FailureParts) -> Failure {
    let error = match kind {
        'd' => StoreError::Denied(why),
        'l' => StoreError::TooLong(why),
        'u' => StoreError::Unavailable(why),
        _ => StoreError::Other(why),
    };
    Failure::new(error.into(), is_denied, Duration::from_millis(wait))
}

fn catalog_parts((entity_tag, validation): (String, Validation)) -> CatalogParts {
    let Validation { validator, age, since_validation, stale, .. } = validation;
    (entity_tag, validator, age.map(milliseconds), milliseconds(since_validation), stale)
}

fn validation_of((entity_tag, validator, age, since, stale): CatalogParts) -> (String, Validation) {
    let (age, since) = (age.map(Duration::from_millis), Duration::from_millis(since));
    (entity_tag, Validation::new(validator, age, since, stale))
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}
