//! The source of a mirror's catalog, and what it is asked.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, Malformed, StoreError};
use crate::mirror::kept::Received;
use crate::snapshot::SnapshotError;
use crate::upstream::{Answer, Cursor, Request, Response, Upstream};

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

/// The content of an answer, whatever the source is.
pub(super) enum Content {
    Catalog { received: Received, validator: Option<String>, age: Duration },
    Redirect(Request),
    Unchanged { age: Duration },
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
    /// last failure. It has the kind of that failure, except that a cluster may answer again.
    pub(super) fn unavailable(&self, what: &str, failure: &Error) -> Error {
        let error = match (self, failure) {
            (Self::Cluster(_), Error::Store(StoreError::Denied(why))) => {
                StoreError::Denied(format!("{what}; {why}"))
            }
            (Self::Cluster(_), Error::Store(error)) => {
                StoreError::Unavailable(format!("{what}; {}", error.reason()))
            }
            _ => return failure.clone(),
        };
        error.into()
    }
}

impl Question {
    /// Reads the response of a cluster.
    pub(super) fn read(&self, source: &Source, response: Response) -> Result<Content, Error> {
        let (Self::Request(request), Source::Cluster(upstream)) = (self, source) else {
            return Err(other_question());
        };
        match upstream.read(request, response)? {
            Answer::Body { age, body, validator } => {
                Ok(Content::Catalog { received: Received::Body(body), validator, age })
            }
            Answer::NotFound => Err(request.failed("there is no list").into()),
            Answer::Redirect(request) => Ok(Content::Redirect(request)),
            Answer::Unchanged { age } => Ok(Content::Unchanged { age }),
        }
    }

    /// Reads the answer of a store.
    pub(super) fn read_stored(&self, stored: Stored) -> Result<Content, Error> {
        let Self::Documents { unless } = self else { return Err(other_question()) };
        let (received, validator) = match stored {
            Stored::Body { body, version } => (Received::Body(body), version),
            Stored::Documents { documents, version } => (Received::Documents(documents), version),
            Stored::Unchanged if unless.is_some() => {
                return Ok(Content::Unchanged { age: Duration::ZERO });
            }
            Stored::Unchanged => return Err(other_question()),
        };
        Ok(Content::Catalog { received, validator, age: Duration::ZERO })
    }

    /// Makes the error of a question without an answer. A cluster is unavailable then, whatever the shell
    /// found, and the error names the node.
    pub(super) fn failed(&self, error: StoreError) -> Error {
        match self {
            Self::Documents { .. } => error.into(),
            Self::Request(request) => request.failed(error.reason()).into(),
        }
    }

    /// Makes the error of an answer that is not a catalog. It is a fault of a document, or, if the body of a
    /// node is no list of documents, of the node.
    pub(super) fn refused(&self, error: SnapshotError) -> Error {
        if let Self::Request(request) = self
            && error.malformed.index.is_none()
        {
            return request.failed(&format!("the list is refused: {error}")).into();
        }
        let malformed = error.malformed;
        // A fault of the list as a whole has its position in the body.
        let of_list = error.position.filter(|_| malformed.index.is_none());
        Malformed { position: malformed.position.or(of_list), ..malformed }.into()
    }
}

/// Returns the error for an answer that does not belong to the question.
fn other_question() -> Error {
    StoreError::Other("an answer to another question than was asked".into()).into()
}
