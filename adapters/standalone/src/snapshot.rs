//! Interface `snapshot`.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::lookup::{self, InvalidRedisVersion};
use ccs_modules::{Error, Limits, SnapshotError, Subject, rest};
use ccs_modules_guest::http::lent;

use crate::Standalone;
use crate::access::received;
use crate::bindings::exports::ccs::modules::snapshot;

impl snapshot::Guest for Standalone {
    type Snapshot = Snapshot;
}

pub struct Snapshot(ccs_modules::Snapshot);

impl snapshot::GuestSnapshot for Snapshot {
    fn parse(body: String) -> Result<snapshot::Snapshot, snapshot::Malformed> {
        let parsed = ccs_modules::Snapshot::parse(body.as_bytes(), &Limits::default())?;
        Ok(snapshot::Snapshot::new(Self(parsed)))
    }

    fn from_documents(documents: Vec<String>) -> Result<snapshot::Snapshot, snapshot::Malformed> {
        let made = ccs_modules::Snapshot::from_documents(&documents, &Limits::default())?;
        Ok(snapshot::Snapshot::new(Self(made)))
    }

    fn list_modules(&self, roles: Vec<String>) -> Result<Vec<snapshot::Module>, snapshot::Error> {
        Ok(records(self.0.list_modules(&roles, &Limits::default())?))
    }

    fn get_module(
        &self,
        roles: Vec<String>,
        uid: String,
    ) -> Result<snapshot::Module, snapshot::Error> {
        Ok(self.0.get_module(&roles, &uid, &Limits::default())?.into())
    }

    fn find_modules(
        &self,
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<snapshot::Module>, snapshot::Error> {
        let (version, limits) = (version.as_deref(), Limits::default());
        Ok(records(self.0.find_modules(&roles, &name, version, &limits)?))
    }

    fn latest_modules(&self, roles: Vec<String>) -> Result<Vec<snapshot::Module>, snapshot::Error> {
        Ok(records(self.0.latest_modules(&roles, &Limits::default())?))
    }

    fn fitting_modules(
        &self,
        roles: Vec<String>,
        redis_version: String,
    ) -> Result<Vec<snapshot::Fitting>, snapshot::Error> {
        let redis_version = redis_version
            .parse()
            .map_err(|error: InvalidRedisVersion| snapshot::Error::Other(error.to_string()))?;
        Ok(records(self.0.fitting_modules(&roles, redis_version, &Limits::default())?))
    }

    fn differences(
        &self,
        newer: snapshot::SnapshotBorrow<'_>,
    ) -> Result<snapshot::Differences, snapshot::Error> {
        Ok(self.0.differences(&newer.get::<Self>().0, &Limits::default())?.into())
    }

    fn handle(&self, request: snapshot::Request) -> snapshot::Response {
        handle(request, |request| self.0.handle(request, &Limits::default()))
    }

    fn body(&self) -> String {
        text(self.0.body().to_vec())
    }

    fn entity_tag(&self) -> String {
        self.0.entity_tag()
    }

    fn len(&self) -> u32 {
        self.0.len() as u32
    }
}

/// Returns the records of the contract.
pub fn records<R: From<T>, T>(outcome: Vec<T>) -> Vec<R> {
    outcome.into_iter().map(Into::into).collect()
}

/// Answers a request by a function of the core.
pub fn handle<'a>(
    request: snapshot::Request,
    answer: impl FnOnce(&rest::Request<'_>) -> rest::Response<Cow<'a, [u8]>>,
) -> snapshot::Response {
    let response = answer(&rest::Request {
        method: &request.method,
        target: &request.target,
        headers: &lent(&received(request.headers)),
        caller: &request.caller.into(),
    });
    let rest::Response { status, headers, body } = response.into_owned();
    snapshot::Response { status, headers, body: text(body) }
}

/// Returns a body as text. Every body is JSON.
pub fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_default()
}

impl From<Error> for snapshot::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Forbidden => Self::Forbidden,
            Error::NotFound => Self::NotFound,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<SnapshotError> for snapshot::Malformed {
    fn from(error: SnapshotError) -> Self {
        let message = error.to_string();
        let (document, index) = match error.malformed.subject {
            Subject::Document(uid) => (Some(uid), None),
            Subject::DocumentAt(index) => (None, Some(index as u32)),
            Subject::List => (None, None),
        };
        let position = error.position.map(|position| snapshot::Position {
            line: position.line as u32,
            column: position.column as u32,
        });
        Self {
            document,
            index,
            field: error.malformed.field.map(Into::into),
            reason: error.malformed.reason.into(),
            position,
            message,
        }
    }
}

impl From<lookup::Differences> for snapshot::Differences {
    fn from(differences: lookup::Differences) -> Self {
        let lookup::Differences { added, removed, changed } = differences;
        Self {
            added: added.into_iter().map(Into::into).collect(),
            removed: removed.into_iter().map(Into::into).collect(),
            changed: changed.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<lookup::ChangedModule> for snapshot::ChangedModule {
    fn from(changed: lookup::ChangedModule) -> Self {
        let lookup::ChangedModule { module, fields } = changed;
        Self { module: module.into(), fields: fields.into_iter().map(Into::into).collect() }
    }
}

impl From<lookup::FieldDifference> for snapshot::FieldDifference {
    fn from(difference: lookup::FieldDifference) -> Self {
        let lookup::FieldDifference { name, before, after } = difference;
        Self { name, before, after }
    }
}

ccs_modules_guest::from_module!(snapshot::Module);
ccs_modules_guest::from_fitting!(snapshot);
