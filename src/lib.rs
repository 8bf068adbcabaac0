//! The Redis Enterprise modules API, `GET /v1/modules` and `GET /v1/modules/{uid}`, without I/O.
//!
//! This is the core that every shell of this project shares: a wasm component, an HTTP service on an
//! edge runtime, a proxy filter, a native program. It asks for the documents that it needs from the CCS
//! (the cluster configuration store). The shell fetches them, and the core answers.
//!
//! # In scope
//!
//! - What a module document must be, and its compact form.
//! - The typed calls, [`list_modules`] and [`get_module`], and the two requests over HTTP,
//!   [`rest::handle`].
//! - Who may call: management roles, and [access policies](access::Policy) for shells on a network.
//! - Reading the body of `GET /v1/modules` as a store's content: [`body`].
//! - A catalog that is checked once and asked many times: [`Snapshot`].
//! - The lookups that people ask for: modules by name, the latest ones, those that fit a Redis version,
//!   the differences between two catalogs: [`lookup`].
//! - Asking the REST API of a cluster: [`upstream`], and keeping a catalog fresh: [`Mirror`].
//!
//! # Out of scope
//!
//! - I/O, clocks, randomness, threads. Time and a seed are inputs.
//! - HTTP on the wire: connections, framing, TLS. A [`rest::Request`] is parsed already.
//! - Writing to the store.
//!
//! # A call, whole
//!
//! > Every call begins with a [`Step`]. `Done` has the outcome. `Ask` names what to fetch, once, and turns
//! > what was fetched into the outcome.
//!
//! 1. Begin the call.
//! 2. On `Done`, that is it.
//! 3. On `Ask`, fetch the one document or all of them, and answer.
//!
//! A shell that blocks does this in one piece. Where it must wait, it waits in the middle. Where the
//! store calls back, it parks the [`Ask`] in between:
//!
//! ```
//! use ccs_modules::{Ask, Error, Limits, Module, Step, StoreError, list_modules};
//!
//! /// A store: here, one document.
//! struct Store;
//! impl Store {
//!     fn all(&self) -> Result<Vec<Vec<u8>>, StoreError> {
//!         Ok(vec![br#"{"module_name":"search","uid":"a"}"#.to_vec()])
//!     }
//!     fn one(&self, uid: &str) -> Result<Option<Vec<u8>>, StoreError> {
//!         Ok(self.all()?.pop().filter(|_| uid == "a"))
//!     }
//! }
//!
//! // A shell that blocks.
//! fn blocking<T>(step: Step<T>) -> T {
//!     match step {
//!         Step::Done(outcome) => outcome,                                    // 2
//!         Step::Ask(Ask::Documents(ask)) => ask.answer(Store.all()),         // 3
//!         Step::Ask(Ask::Document(ask)) => {
//!             let document = Store.one(ask.uid());
//!             ask.answer(document)
//!         }
//!     }
//! }
//!
//! // A shell that awaits.
//! async fn awaiting<T>(step: Step<T>) -> T {
//!     match step {
//!         Step::Done(outcome) => outcome,
//!         Step::Ask(Ask::Documents(ask)) => ask.answer(async { Store.all() }.await),
//!         Step::Ask(Ask::Document(ask)) => {
//!             let document = async { Store.one(ask.uid()) }.await;
//!             ask.answer(document)
//!         }
//!     }
//! }
//!
//! // A shell that is called back, as a proxy's filter is.
//! struct Filter<T>(Option<Ask<T>>);
//! impl<T> Filter<T> {
//!     fn on_request(&mut self, step: Step<T>) -> Option<T> {
//!         match step {
//!             Step::Done(outcome) => return Some(outcome),
//!             Step::Ask(ask) => self.0 = Some(ask), // and sends a request to the store
//!         }
//!         None
//!     }
//!     fn on_response(&mut self, documents: Vec<Vec<u8>>) -> Option<T> {
//!         Some(match self.0.take()? {
//!             Ask::Documents(ask) => ask.answer(Ok(documents)),
//!             Ask::Document(ask) => ask.answer(Ok(documents.into_iter().next())),
//!         })
//!     }
//! }
//!
//! let begin = || list_modules(&["db_viewer"], &Limits::default());           // 1
//! let modules: Result<Vec<Module>, Error> = blocking(begin());
//! assert_eq!(modules.as_ref().unwrap()[0].module_name.as_deref(), Some("search"));
//!
//! let awaited = futures_lite::future::block_on(awaiting(begin()));
//! assert_eq!(awaited, modules);
//!
//! let mut filter = Filter(None);
//! assert!(filter.on_request(begin()).is_none());
//! assert_eq!(filter.on_response(Store.all().unwrap()), Some(modules));
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// The program of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../docs/core.md")]
mod readme {}

pub mod access;
pub mod body;
pub mod config;
pub mod lookup;
pub mod mirror;
pub mod rest;
pub mod upstream;

mod catalog;
mod checked;
mod entity_tag;
mod error;
mod headers;
mod json;
mod limits;
mod module;
mod roles;
mod snapshot;
mod step;

pub use crate::catalog::{get_module, list_modules};
pub use crate::error::{Error, Malformed, StoreError};
pub use crate::json::{Position, SyntaxError};
pub use crate::limits::Limits;
pub use crate::mirror::Mirror;
pub use crate::module::{Module, sort_documents};
pub use crate::snapshot::{ImageError, Snapshot, SnapshotError};
pub use crate::step::{Ask, AskDocument, AskDocuments, Step};
