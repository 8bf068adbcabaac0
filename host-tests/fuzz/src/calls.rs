//! The core's calls, driven as a shell drives them.

use ccs_modules::access::Caller;
use ccs_modules::{
    Ask, Error, Limits, Module, Step, StoreError, body, get_module, list_modules, rest,
};

/// A store's answer to the question for all documents.
pub type Documents = Result<Vec<Vec<u8>>, StoreError>;
/// A store's answer to the question for one document.
pub type Document = Result<Option<Vec<u8>>, StoreError>;

/// A scripted store.
#[derive(Clone, Debug)]
pub struct Store {
    pub documents: Documents,
    /// The answer for one document, whatever its uid. None: the listed document with that uid.
    pub document: Option<Document>,
}

impl Store {
    /// A store that answers truthfully.
    pub fn of(documents: &[&[u8]]) -> Self {
        let documents = documents.iter().map(|document| document.to_vec()).collect();
        Self { documents: Ok(documents), document: None }
    }

    /// The store's answer for this uid.
    pub fn document(&self, uid: &str, limits: &Limits) -> Document {
        self.document.clone().unwrap_or_else(|| {
            let documents = self.documents.as_ref().map_err(Clone::clone)?;
            Ok(body::find(documents, uid, limits).cloned())
        })
    }
}

/// A request, owned.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub caller: Caller,
}

impl Request {
    /// A request whose caller has the permission.
    pub fn get(target: &str) -> Self {
        Self {
            method: "GET".into(),
            target: target.into(),
            headers: vec![],
            caller: Caller::Authenticated(vec!["admin".into()]),
        }
    }
    /// The header fields as the core takes them.
    pub fn lent(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    /// The request with these header fields, as the core takes it.
    pub fn with<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> rest::Request<'a> {
        rest::Request { method: &self.method, target: &self.target, headers, caller: &self.caller }
    }
}

pub fn list(store: &Store, limits: &Limits) -> Result<Vec<Module>, Error> {
    resolve(list_modules(&["admin"], limits), store, limits)
}

pub fn get(store: &Store, uid: &str, limits: &Limits) -> Result<Module, Error> {
    resolve(get_module(&["admin"], uid, limits), store, limits)
}

pub fn handle(store: &Store, request: &Request, limits: &Limits) -> rest::Response {
    resolve(begin(request, limits), store, limits)
}

/// Whether a request leads to a question for the store.
pub fn asks(request: &Request, limits: &Limits) -> bool {
    matches!(begin(request, limits), Step::Ask(_))
}

fn begin(request: &Request, limits: &Limits) -> Step<rest::Response> {
    rest::handle(&request.with(&request.lent()), limits)
}

fn resolve<T>(step: Step<T>, store: &Store, limits: &Limits) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Documents(ask)) => ask.answer(store.documents.clone()),
        Step::Ask(Ask::Document(ask)) => {
            let document = store.document(ask.uid(), limits);
            ask.answer(document)
        }
    }
}
