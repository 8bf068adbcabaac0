//! Interface `mirror`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use ccs_modules::lookup::InvalidRedisVersion;
use ccs_modules::mirror::{
    Config, Fetch, FetchId, Freshness, Outcome, Poll, Saved, Status, Timestamp,
};
use ccs_modules::upstream::Response;
use ccs_modules::{Error, StoreError};

use crate::Standalone;
use crate::access::received;
use crate::bindings::exports::ccs::modules::{mirror, snapshot};
use crate::snapshot::{handle, records, text};

impl mirror::Guest for Standalone {
    type Mirror = Mirror;
}

pub struct Mirror(RefCell<ccs_modules::Mirror>);

impl mirror::GuestMirror for Mirror {
    fn open(configuration: String, seed: u64) -> Result<mirror::Mirror, String> {
        let config = Config::parse(configuration.as_bytes()).map_err(|error| error.to_string())?;
        let made = ccs_modules::Mirror::new(config, seed);
        Ok(mirror::Mirror::new(Self(RefCell::new(made))))
    }

    fn poll(&self, now: u64) -> mirror::PollResult {
        match self.0.borrow_mut().poll(Timestamp(now)) {
            Poll::Fetch(fetch) => mirror::PollResult::Fetch(fetch.into()),
            Poll::Wait { until } => mirror::PollResult::Wait(until.0),
        }
    }

    fn answered(&self, now: u64, id: u64, response: mirror::Fetched) -> mirror::Outcome {
        let mirror::Fetched { status, headers, body } = response;
        let response = Response { status, headers: received(headers), body: body.into_bytes() };
        self.0.borrow_mut().answered(Timestamp(now), FetchId(id), response).into()
    }

    fn failed(&self, now: u64, id: u64, why: String) -> mirror::Outcome {
        self.0.borrow_mut().failed(Timestamp(now), FetchId(id), &why).into()
    }

    fn handle(&self, now: u64, request: mirror::Request) -> mirror::Response {
        let mirror = self.0.borrow();
        handle(request, |request| mirror.handle(Timestamp(now), request))
    }

    fn list_modules(
        &self,
        now: u64,
        roles: Vec<String>,
    ) -> Result<Vec<mirror::Module>, mirror::Error> {
        Ok(records(self.0.borrow().list_modules(Timestamp(now), &roles)?))
    }

    fn get_module(
        &self,
        now: u64,
        roles: Vec<String>,
        uid: String,
    ) -> Result<mirror::Module, mirror::Error> {
        Ok(self.0.borrow().get_module(Timestamp(now), &roles, &uid)?.into())
    }

    fn find_modules(
        &self,
        now: u64,
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<mirror::Module>, mirror::Error> {
        let mirror = self.0.borrow();
        Ok(records(mirror.find_modules(Timestamp(now), &roles, &name, version.as_deref())?))
    }

    fn latest_modules(
        &self,
        now: u64,
        roles: Vec<String>,
    ) -> Result<Vec<mirror::Module>, mirror::Error> {
        Ok(records(self.0.borrow().latest_modules(Timestamp(now), &roles)?))
    }

    fn fitting_modules(
        &self,
        now: u64,
        roles: Vec<String>,
        redis_version: String,
    ) -> Result<Vec<mirror::Fitting>, mirror::Error> {
        let redis_version = redis_version
            .parse()
            .map_err(|error: InvalidRedisVersion| mirror::Error::Other(error.to_string()))?;
        Ok(records(self.0.borrow().fitting_modules(Timestamp(now), &roles, redis_version)?))
    }

    fn status(&self, now: u64) -> mirror::Status {
        self.0.borrow().status(Timestamp(now)).into()
    }

    fn save(&self, now: u64) -> Option<mirror::Saved> {
        self.0.borrow().save(Timestamp(now)).map(Into::into)
    }

    fn restore(&self, now: u64, saved: mirror::Saved) -> Result<(), snapshot::Malformed> {
        Ok(self.0.borrow_mut().restore(Timestamp(now), saved.into())?)
    }
}

impl From<Fetch> for mirror::Fetch {
    fn from(fetch: Fetch) -> Self {
        let Fetch { id, request, timeout } = fetch;
        Self {
            id: id.0,
            node: request.node as u32,
            url: request.url(),
            headers: request.headers,
            timeout: millis(timeout),
            body_bytes: request.body_bytes as u64,
        }
    }
}

impl From<Outcome> for mirror::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Changed => Self::Changed,
            Outcome::Failed(error) => Self::Failed(error.to_string()),
            Outcome::Late => Self::Late,
            Outcome::Redirected => Self::Redirected,
            Outcome::Unchanged => Self::Unchanged,
        }
    }
}

impl From<Error> for mirror::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Forbidden => Self::Forbidden,
            Error::NotFound => Self::NotFound,
            Error::Store(StoreError::Denied(_) | StoreError::Unavailable(_)) => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<Status> for mirror::Status {
    fn from(status: Status) -> Self {
        let Status { age, freshness, failure, node, fetching, fetches } = status;
        Self {
            age: age.map(millis),
            freshness: freshness.into(),
            failure: failure.map(|error| error.to_string()),
            node: node as u32,
            fetching,
            changed: fetches.changed,
            unchanged: fetches.unchanged,
            redirected: fetches.redirected,
            failed: fetches.failed,
        }
    }
}

impl From<Result<Freshness, StoreError>> for mirror::Freshness {
    fn from(freshness: Result<Freshness, StoreError>) -> Self {
        match freshness {
            Ok(Freshness::Fresh { left }) => Self::Fresh(millis(left)),
            Ok(Freshness::Stale { over, why }) => {
                Self::Stale(mirror::Staleness { over: millis(over), reason: why.to_string() })
            }
            Err(error) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<Saved> for mirror::Saved {
    fn from(saved: Saved) -> Self {
        let source = saved.validator.as_ref().and_then(|validator| validator.split_once(' '));
        let source = source.map(|(url, entity_tag)| mirror::Source {
            url: url.into(),
            entity_tag: entity_tag.into(),
        });
        Self { body: text(saved.body), source, age: millis(saved.age) }
    }
}

impl From<mirror::Saved> for Saved {
    fn from(saved: mirror::Saved) -> Self {
        let validator = |mirror::Source { url, entity_tag }| format!("{url} {entity_tag}");
        let validator = saved.source.map(validator);
        Self { body: saved.body.into_bytes(), validator, age: Duration::from_millis(saved.age) }
    }
}

/// Returns a time in whole milliseconds.
fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(time.subsec_millis().into())
}
