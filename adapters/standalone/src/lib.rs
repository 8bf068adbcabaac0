//! World `standalone`: the whole API over catalogs that the host holds as snapshots.

#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::access::Caller;
use ccs_modules::{Error, Limits, Module, SnapshotError, Subject};
use ccs_modules_guest as _;

use crate::bindings::exports::ccs::modules::snapshot;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Standalone;

    wit_bindgen::generate!({ path: "../../wit", world: "standalone" });
    export!(Standalone with_types_in self);
}

struct Standalone;

impl snapshot::Guest for Standalone {
    type Snapshot = Snapshot;
}

struct Snapshot(ccs_modules::Snapshot);

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
        let modules = self.0.list_modules(&roles, &Limits::default())?;
        Ok(modules.into_iter().map(Into::into).collect())
    }

    fn get_module(
        &self,
        roles: Vec<String>,
        uid: String,
    ) -> Result<snapshot::Module, snapshot::Error> {
        Ok(self.0.get_module(&roles, &uid, &Limits::default())?.into())
    }

    fn handle(&self, request: snapshot::Request) -> snapshot::Response {
        let headers = request.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
        let headers: Vec<_> = headers.collect();
        let caller = request.caller.into();
        let request = ccs_modules::rest::Request {
            method: &request.method,
            target: &request.target,
            headers: &headers,
            caller: &caller,
        };
        let response = self.0.handle(&request, &Limits::default()).into_owned();
        snapshot::Response {
            status: response.status,
            headers: response.headers,
            body: text(response.body),
        }
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

/// Returns a body as text. Every body is JSON.
fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_default()
}

impl From<snapshot::Caller> for Caller {
    fn from(caller: snapshot::Caller) -> Self {
        match caller {
            snapshot::Caller::Anonymous(roles) => Self::Anonymous(roles),
            snapshot::Caller::Authenticated(roles) => Self::Authenticated(roles),
            snapshot::Caller::Unauthenticated => Self::Unauthenticated,
        }
    }
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

impl From<Module> for snapshot::Module {
    fn from(module: Module) -> Self {
        Self {
            uid: module.uid,
            module_name: module.module_name,
            display_name: module.display_name,
            semantic_version: module.semantic_version,
            version: module.version,
            author: module.author,
            email: module.email,
            homepage: module.homepage,
            description: module.description,
            license: module.license,
            capabilities: module.capabilities,
            command_line_args: module.command_line_args,
            config_command: module.config_command,
            min_redis_version: module.min_redis_version,
            is_bundled: module.is_bundled,
            document: module.document,
        }
    }
}
