//! Interface `snapshot`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
use ccs_modules::{Limits, SnapshotError, get_module, list_modules};

use crate::Standalone;
use crate::bindings::exports::ccs::modules::snapshot;
use crate::bindings::exports::ccs::modules::types::{
    Differences, Error, Fitting, Module, Request, Response,
};
use crate::records::{handle, records, text};

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

    fn list_modules(&self, roles: Vec<String>) -> Result<Vec<Module>, Error> {
        Ok(records(self.0.answer(list_modules(&roles, &Limits::default()))?))
    }

    fn get_module(&self, roles: Vec<String>, uid: String) -> Result<Module, Error> {
        Ok(self.0.answer(get_module(&roles, &uid, &Limits::default()))?.into())
    }

    fn find_modules(
        &self,
        roles: Vec<String>,
        name: String,
        version: Option<String>,
    ) -> Result<Vec<Module>, Error> {
        let step = find_modules(&roles, &name, version.as_deref(), &Limits::default());
        Ok(records(self.0.answer(step)?))
    }

    fn latest_modules(&self, roles: Vec<String>) -> Result<Vec<Module>, Error> {
        Ok(records(self.0.answer(latest_modules(&roles, &Limits::default()))?))
    }

    fn fitting_modules(
        &self,
        roles: Vec<String>,
        redis_version: String,
    ) -> Result<Vec<Fitting>, Error> {
        let step = fitting_modules(&roles, &redis_version, &Limits::default());
        Ok(records(self.0.answer(step)?))
    }

    fn differences(&self, newer: snapshot::SnapshotBorrow<'_>) -> Result<Differences, Error> {
        Ok(self.0.differences(&newer.get::<Self>().0)?.into())
    }

    fn handle(&self, request: Request) -> Response {
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

impl From<SnapshotError> for snapshot::Malformed {
    fn from(error: SnapshotError) -> Self {
        let message = error.to_string();
        let SnapshotError { malformed, position, .. } = error;
        Self {
            document: malformed.uid,
            index: malformed.index.map(|index| index as u32),
            field: malformed.field.map(Into::into),
            reason: malformed.reason.into(),
            position: position.map(|position| snapshot::Position {
                line: position.line,
                column: position.column,
            }),
            message,
        }
    }
}
