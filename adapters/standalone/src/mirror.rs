//! Interface `mirror`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
use ccs_modules::mirror::{
    Changes, Config, Fetch, Freshness, Outcome, Poll, Question, Saved, Status, Stored, Timestamp,
};
use ccs_modules::rest::header_fields;
use ccs_modules::upstream::Response;
use ccs_modules::{Limits, Step, StoreError, config, get_module, list_modules};

use crate::Standalone;
use crate::bindings::exports::ccs::modules::types::{self, Error, Fitting, Module};
use crate::bindings::exports::ccs::modules::{mirror, snapshot};
use crate::records::{handle, records, text};

impl mirror::Guest for Standalone {
    type Mirror = Mirror;
}

pub struct Mirror(RefCell<ccs_modules::Mirror>);

impl Mirror {
    fn open(config: Result<Config, config::Error>, seed: u64) -> Result<mirror::Mirror, String> {
        let config = config.map_err(|error| error.to_string())?;
        let mirror = ccs_modules::Mirror::new(config, seed);
        Ok(mirror::Mirror::new(Self(RefCell::new(mirror))))
    }

    /// Answers a call that begins with this step.
    fn answer<T>(&self, now: u64, step: impl FnOnce(&Limits) -> Step<T>) -> T {
        let mirror = self.0.borrow();
        let reader = mirror.reader();
        reader.answer(Timestamp(now), step(reader.config().limits()))
    }
}

impl mirror::GuestMirror for Mirror {
    fn open(configuration: String, seed: u64) -> Result<mirror::Mirror, String> {
        Self::open(Config::parse(configuration.as_bytes()), seed)
    }

    fn open_store(configuration: String, seed: u64) -> Result<mirror::Mirror, String> {
        Self::open(Config::parse_for_store(configuration.as_bytes()), seed)
    }

    fn poll(&self, now: u64) -> mirror::Next {
        let Fetch { id, question, timeout, .. } = match self.0.borrow_mut().poll(Timestamp(now)) {
            Poll::Fetch(fetch) => fetch,
            Poll::Wait { until } => return mirror::Next::Wait(until.0),
        };

        let (id, timeout) = (id.into(), millis(timeout));
        match question {
            Question::Documents { unless } => {
                mirror::Next::Read(mirror::Read { id, unless, timeout })
            }
            Question::Request(request) => mirror::Next::Fetch(mirror::Fetch {
                id,
                node: request.node as u32,
                url: request.url(),
                headers: request.headers,
                timeout,
                body_bytes: request.body_bytes as u64,
            }),
        }
    }

    fn answered(&self, now: u64, id: u64, response: mirror::Fetched) -> mirror::Outcome {
        let mirror::Fetched { status, headers, body } = response;
        let headers = header_fields(&headers).into_iter();
        let headers = headers.map(|(name, value)| (name.into(), value.into())).collect();
        let response = Response { status, headers, body: body.into_bytes() };
        self.0.borrow_mut().answered(Timestamp(now), id.into(), response).into()
    }

    fn stored(&self, now: u64, id: u64, answer: mirror::Stored) -> mirror::Outcome {
        let stored = match answer {
            mirror::Stored::Unchanged => Stored::Unchanged,
            mirror::Stored::Documents(mirror::Documents { documents, version }) => {
                let documents = documents.into_iter().map(String::into_bytes).collect();
                Stored::Documents { documents, version }
            }
            mirror::Stored::Body(mirror::Body { body, version }) => {
                Stored::Body { body: body.into_bytes(), version }
            }
        };
        self.0.borrow_mut().stored(Timestamp(now), id.into(), stored).into()
    }

    fn failed(&self, now: u64, id: u64, why: String) -> mirror::Outcome {
        let error = StoreError::Unavailable(why);
        self.0.borrow_mut().failed(Timestamp(now), id.into(), error).into()
    }

    fn handle(&self, now: u64, request: types::Request) -> types::Response {
        let mirror = self.0.borrow();
        handle(request, |request| mirror.reader().handle(Timestamp(now), request))
    }

    fn list_modules(&self, now: u64, roles: Vec<String>) -> Result<Vec<Module>, Error> {
        Ok(records(self.answer(now, |limits| list_modules(&roles, limits))?))
    }

    fn get_module(&self, now: u64, roles: Vec<String>, uid: String) -> Result<Module, Error> {
        Ok(self.answer(now, |limits| get_module(&roles, &uid, limits))?.into())
    }

    fn find_modules(
        &self,
        now: u64,
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<Module>, Error> {
        let find = |limits: &_| find_modules(&roles, &name, version.as_deref(), limits);
        Ok(records(self.answer(now, find)?))
    }

    fn latest_modules(&self, now: u64, roles: Vec<String>) -> Result<Vec<Module>, Error> {
        Ok(records(self.answer(now, |limits| latest_modules(&roles, limits))?))
    }

    fn fitting_modules(
        &self,
        now: u64,
        roles: Vec<String>,
        redis_version: String,
    ) -> Result<Vec<Fitting>, Error> {
        let fitting = |limits: &_| fitting_modules(&roles, &redis_version, limits);
        Ok(records(self.answer(now, fitting)?))
    }

    fn status(&self, now: u64) -> mirror::Status {
        self.0.borrow().reader().status(Timestamp(now)).into()
    }

    fn save(&self, now: u64) -> Option<mirror::Saved> {
        let Saved { body, validator, age, since_validation, stale, .. } =
            self.0.borrow().reader().save(Timestamp(now))?;
        Some(mirror::Saved {
            body: text(body),
            validator,
            age: age.map(millis),
            since_validation: millis(since_validation),
            stale,
        })
    }

    fn restore(&self, now: u64, saved: mirror::Saved) -> Result<(), snapshot::Malformed> {
        let mirror::Saved { body, validator, age, since_validation, stale } = saved;
        let saved = Saved::new(body.into_bytes(), validator, age.map(Duration::from_millis))
            .with_validation(Duration::from_millis(since_validation), stale);
        Ok(self.0.borrow_mut().restore(Timestamp(now), saved)?)
    }
}

impl From<Outcome> for mirror::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Changed(Changes { added, removed, changed, .. }) => {
                let [added, removed, changed] = [added, removed, changed].map(|it| it as u32);
                Self::Changed(mirror::Changes { added, removed, changed })
            }
            Outcome::Failed(error) => Self::Failed(error.to_string()),
            Outcome::Redirected => Self::Redirected,
            Outcome::Unchanged => Self::Unchanged,
            _ => Self::Late,
        }
    }
}

impl From<Status> for mirror::Status {
    fn from(status: Status) -> Self {
        let Status { age, freshness, failure, node, fetching, fetches, .. } = status;
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

impl From<Result<Freshness, ccs_modules::Error>> for mirror::Freshness {
    fn from(freshness: Result<Freshness, ccs_modules::Error>) -> Self {
        match freshness {
            Ok(Freshness::Fresh { left }) => Self::Fresh(millis(left)),
            Ok(Freshness::Stale { over, why }) => {
                Self::Stale(mirror::Staleness { over: millis(over), reason: why.to_string() })
            }
            Err(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Returns a time in whole milliseconds.
fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(time.subsec_millis().into())
}
