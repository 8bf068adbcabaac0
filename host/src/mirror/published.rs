//! The published state of a mirror.

use std::borrow::Cow;
use std::sync::Arc;

use ccs_modules::mirror::{FetchCounts, Reader, Status, Timestamp};
use ccs_modules::{Snapshot, access, rest};
use hyper::body::Bytes;

use crate::{Caller, Request};

/// The state of a mirror after a fetch. It stays as it is, and is replaced as a whole after the next one.
pub(super) struct Published {
    reader: Reader,
    /// The body of the list, which responses share; empty if no catalog may answer.
    list: Bytes,
    answers: bool,
}

impl Published {
    pub(super) fn of(reader: &Reader, now: Timestamp) -> Self {
        let view = reader.view(now);
        let FetchCounts { changed, failed, unchanged, .. } = reader.status(now).fetches;
        let answers = view.is_ok() || changed + failed + unchanged > 0;
        let list = view.map(|view| Bytes::from_owner(List(view.snapshot.clone())));
        Self { list: list.unwrap_or_default(), answers, reader: reader.clone() }
    }

    /// Returns whether a fetch has ended, well or not, or a catalog was restored.
    pub(super) fn answers(&self) -> bool {
        self.answers
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        self.reader.status(now)
    }

    pub(super) fn modules(&self, now: Timestamp) -> Option<usize> {
        self.reader.view(now).ok().map(|view| view.snapshot.len())
    }

    /// Answers a request.
    pub(super) fn handle(&self, now: Timestamp, request: &Request) -> rest::Response<Bytes> {
        let caller = caller(&request.caller);
        let Request { method, target, headers, .. } = request;
        let headers = &rest::header_fields(headers);
        let request = rest::Request { method, target, headers, caller: &caller };

        let rest::Response { status, headers, body, cause } = self.reader.handle(now, &request);
        let body = match body {
            // The reader lends nothing but a part of the list.
            Cow::Borrowed(part) => self.list.slice_ref(part),
            Cow::Owned(body) => body.into(),
        };
        rest::Response { status, headers, body, cause }
    }
}

/// The body of a snapshot's list.
struct List(Arc<Snapshot>);

impl AsRef<[u8]> for List {
    fn as_ref(&self) -> &[u8] {
        self.0.body()
    }
}

/// The caller as the core has it.
fn caller(caller: &Caller) -> access::Caller {
    match caller {
        Caller::Anonymous(roles) => access::Caller::Anonymous(roles.clone()),
        Caller::Authenticated(roles) => access::Caller::Authenticated(roles.clone()),
        Caller::Unauthenticated(challenge) => access::Caller::Unauthenticated(challenge.clone()),
    }
}
