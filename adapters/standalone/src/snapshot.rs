//! Interface `snapshot`.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::{Error, Limits, Module, SnapshotError, Subject, rest};

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

/// Answers a request by a function of the core.
pub fn handle<'a>(
    request: snapshot::Request,
    answer: impl FnOnce(&rest::Request<'_>) -> rest::Response<Cow<'a, [u8]>>,
) -> snapshot::Response {
    let response = answer(&rest::Request {
        method: &request.method,
        target: &request.target,
        headers: &received(request.headers),
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
