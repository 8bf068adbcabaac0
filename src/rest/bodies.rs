//! The bodies of the list and of one module, put together from checked documents or a snapshot.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::Error;
use crate::image::{Damaged, Entry, View};
use crate::limits::Limits;
use crate::list::Sink;
use crate::module::Document;
use crate::rest::responder::Responder;
use crate::rest::target::Filter;
use crate::rest::{Refusal, Response};
use crate::step::{ListCall, ModuleCall};

/// The request for the whole list.
pub(super) struct ListRequest {
    responder: Responder,
    body: ListBody,
}

impl ListRequest {
    pub(super) fn new(responder: Responder) -> Self {
        Self { responder, body: ListBody::default() }
    }
}

impl Sink for ListRequest {
    fn reserve(&mut self, documents: usize, bytes: usize) {
        self.body.0.reserve_exact(bytes + documents + 3);
    }

    fn add(&mut self, document: Document<'_>) {
        self.body.push(document.text_bytes());
    }
}

impl ListCall<Response> for ListRequest {
    fn finish(self: Box<Self>, complete: Result<(), Error>) -> Response {
        match complete {
            Ok(()) => self.responder.represent(self.body.finish()),
            Err(error) => self.responder.refuse(&Refusal::Catalog(error)),
        }
    }

    fn answer_from(self: Box<Self>, snapshot: View<'_>, _: &Limits) -> Response {
        self.responder.list_from(&Filter::default(), snapshot).into_owned()
    }
}

/// The request for one module.
pub(super) struct ModuleRequest {
    responder: Responder,
}

impl ModuleRequest {
    pub(super) fn new(responder: Responder) -> Self {
        Self { responder }
    }
}

impl ModuleCall<Response> for ModuleRequest {
    fn finish(self: Box<Self>, document: Result<Document<'_>, Error>) -> Response {
        match document {
            Ok(document) => self.responder.represent([document.text_bytes(), b"\n"].concat()),
            Err(error) => self.responder.refuse(&Refusal::Catalog(error)),
        }
    }

    fn answer_from(self: Box<Self>, entry: Result<Entry<'_>, Error>, _: &Limits) -> Response {
        self.responder.module_from(entry)
    }
}

impl Responder {
    /// Responds with the modules of a snapshot that the filter chooses, in the order of the list.
    pub(super) fn list_from<'a>(
        self,
        filter: &Filter,
        snapshot: View<'a>,
    ) -> Response<Cow<'a, [u8]>> {
        if filter.is_empty() {
            let body = Cow::Borrowed(snapshot.body());
            return self.represent_tagged(body, &snapshot.entity_tag());
        }
        match filtered(filter, snapshot) {
            Ok(body) => self.represent(body).into(),
            Err(damaged) => self.refuse(&Refusal::Catalog(damaged.into())).into(),
        }
    }

    /// Responds with one module of a snapshot.
    pub(super) fn module_from(self, entry: Result<Entry<'_>, Error>) -> Response {
        let found =
            entry.and_then(|entry| Ok(([entry.text_bytes()?, b"\n"].concat(), entry.entity_tag())));
        match found {
            Ok((body, tag)) => self.represent_tagged(body, &tag),
            Err(error) => self.refuse(&Refusal::Catalog(error)),
        }
    }
}

/// The body of a list: documents in one array, and one line end.
#[derive(Default)]
struct ListBody(Vec<u8>);

impl ListBody {
    fn push(&mut self, document: &[u8]) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(document);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.extend_from_slice(b"]\n");
        self.0
    }
}

/// Returns the body of a list of those modules of a snapshot that the filter chooses.
fn filtered(filter: &Filter, snapshot: View<'_>) -> Result<Vec<u8>, Damaged> {
    let mut body = ListBody::default();
    for entry in filter.choose(snapshot)? {
        body.push(entry.text_bytes()?);
    }
    Ok(body.finish())
}
