//! The source of a mirror's catalog, and what it is asked.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, StoreError};
use crate::upstream::{Cursor, Request, Upstream};

/// The source of a catalog.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Cluster(Upstream),
    /// A store of the shell's.
    Store {
        timeout: Duration,
    },
}

/// A question to the source of a mirror's catalog. A mirror of a cluster asks by requests, and a mirror of
/// a store for documents.
#[derive(Clone, Debug)]
pub enum Question {
    /// All documents of the store, unless it still has this version.
    Documents {
        /// The version that the mirror knows.
        unless: Option<String>,
    },
    /// A request to a node of the cluster.
    Request(Request),
}

/// The answer of a store.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stored {
    /// The documents as the body of `GET /v1/modules`.
    Body {
        /// The body.
        body: Vec<u8>,
        /// A text that is another one when the body is, if the store has such a text.
        version: Option<String>,
    },
    /// The documents, in the order of the list.
    Documents {
        /// The documents.
        documents: Vec<Vec<u8>>,
        /// A text that is another one when the documents are, if the store has such a text.
        version: Option<String>,
    },
    /// The store still has the version that the mirror knows.
    Unchanged,
}

impl Source {
    pub(super) fn timeout(&self) -> Duration {
        match self {
            Self::Cluster(upstream) => upstream.timeout(),
            Self::Store { timeout } => *timeout,
        }
    }

    /// Starts at the first node. A store counts as one node.
    pub(super) fn cursor(&self) -> Cursor {
        match self {
            Self::Cluster(upstream) => Cursor::new(upstream.nodes().len()),
            Self::Store { .. } => Cursor::new(1),
        }
    }

    /// Makes the question to the node, given the validator of the catalog that is kept. `None` if there
    /// is no such node.
    pub(super) fn question(&self, node: usize, validator: Option<&str>) -> Option<Question> {
        match self {
            Self::Cluster(upstream) => upstream.list(node, validator).map(Question::Request),
            Self::Store { .. } => Some(Question::Documents { unless: validator.map(Into::into) }),
        }
    }

    /// Makes the error of an answer for which there is no catalog: what is missing, and the reason of the
    /// last failure.
    pub(super) fn unavailable(&self, what: &str, failure: &Error) -> Error {
        // Each call of a store would fail in the same way.
        let Self::Cluster(_) = self else { return failure.clone() };
        let error = match failure {
            Error::Store(StoreError::Denied(why)) => StoreError::Denied(format!("{what}; {why}")),
            // The next response of a cluster may be a right one.
            Error::Store(error) => StoreError::Unavailable(format!("{what}; {}", error.reason())),
            error => StoreError::Unavailable(format!("{what}; {error}")),
        };
        error.into()
    }
}

impl Question {
    /// Makes the error of a question without an answer. A cluster is unavailable then, whatever the shell
    /// found, and the error names the node.
    pub(super) fn failed(&self, error: StoreError) -> Error {
        match self {
            Self::Documents { .. } => error.into(),
            Self::Request(request) => request.failed(error.reason()).into(),
        }
    }
}
