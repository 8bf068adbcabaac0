//! The source of a mirror's catalog, the questions to it, and its answers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, Malformed, StoreError};
use crate::mirror::kept::Received;
use crate::snapshot::SnapshotError;
use crate::upstream::{Answer, CacheStatus, Rejection, Request, Response, Upstream};

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
        /// A text that changes when the body does, if the store has such a text.
        version: Option<String>,
    },
    /// The documents, in the order of the list.
    Documents {
        /// The documents.
        documents: Vec<Vec<u8>>,
        /// A text that changes when the documents do, if the store has such a text.
        version: Option<String>,
    },
    /// The store still has the version that the mirror knows.
    Unchanged,
}

/// The content of an answer, whatever the source is.
pub(super) enum Content {
    Catalog { received: Received, validator: Option<String>, dated: Dated },
    Redirect(Request),
    Unchanged { dated: Dated },
}

/// The age of a list when it came, and whether it was fresh. A list of a store has the age zero.
#[derive(Default)]
pub(super) struct Dated {
    pub(super) age: Duration,
    pub(super) cache_status: CacheStatus,
}

/// A fetch that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// The reason.
    pub error: Error,
    /// Whether the cluster denies the catalog, since a fetch succeeded. Then the catalog that is kept
    /// answers for `stale_if_denied`.
    pub is_denied: bool,
    /// The time for which the node asked not to be asked again, or for which a cluster that refuses the
    /// credentials is not asked.
    pub wait: Duration,
}

impl Failure {
    /// Makes a failure from its parts, in a shell whose mirrors share what they fetch.
    pub fn new(error: Error, is_denied: bool, wait: Duration) -> Self {
        Self { error, is_denied, wait }
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.into(), false, Duration::ZERO)
    }
}

impl Source {
    pub(super) fn timeout(&self) -> Duration {
        match self {
            Self::Cluster(upstream) => upstream.timeout(),
            Self::Store { timeout } => *timeout,
        }
    }

    /// Returns the number of nodes. A store counts as one node.
    pub(super) fn nodes(&self) -> usize {
        match self {
            Self::Cluster(upstream) => upstream.nodes().len(),
            Self::Store { .. } => 1,
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

    /// Makes the error of a mirror in which no catalog may answer, from a description and the last failure.
    /// It has the kind of that failure. But a failure of a cluster is always [`StoreError::Unavailable`],
    /// since the next fetch may succeed, unless the cluster refused the credentials.
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
    pub(super) fn read(&self, source: &Source, response: Response) -> Result<Content, Failure> {
        let (Self::Request(request), Source::Cluster(upstream)) = (self, source) else {
            return Err(other_question().into());
        };
        let Rejection { is_denied, retry_after } = Rejection::of(&response);
        let is_denied = is_denied && !upstream.leads_to_node(request, &response);
        let rejected = |error: StoreError| Failure::new(error.into(), is_denied, retry_after);
        match upstream.read(request, response).map_err(rejected)? {
            Answer::Body { age, body, cache_status, validator } => {
                let (received, dated) = (Received::Body(body), Dated { age, cache_status });
                Ok(Content::Catalog { received, validator, dated })
            }
            Answer::NotFound => Err(request.failed("there is no list").into()),
            Answer::Redirect(request) => Ok(Content::Redirect(request)),
            Answer::Unchanged { age, cache_status } => {
                Ok(Content::Unchanged { dated: Dated { age, cache_status } })
            }
        }
    }

    /// Reads the answer of a store.
    pub(super) fn read_stored(&self, stored: Stored) -> Result<Content, Failure> {
        let Self::Documents { unless } = self else { return Err(other_question().into()) };
        let (received, validator) = match stored {
            Stored::Body { body, version } => (Received::Body(body), version),
            Stored::Documents { documents, version } => (Received::Documents(documents), version),
            Stored::Unchanged if unless.is_some() => {
                return Ok(Content::Unchanged { dated: Dated::default() });
            }
            Stored::Unchanged => return Err(other_question().into()),
        };
        Ok(Content::Catalog { received, validator, dated: Dated::default() })
    }

    /// Makes the error of a question without an answer. A cluster is unavailable then, whatever the shell
    /// found, and the error names the node.
    pub(super) fn failed(&self, error: StoreError) -> StoreError {
        match self {
            Self::Documents { .. } => error,
            Self::Request(request) => request.failed(error.reason()),
        }
    }

    /// Makes the error of an answer that is not a catalog. If the body of a node is not a list of documents,
    /// the node has failed. Otherwise a document is malformed.
    pub(super) fn refused(&self, error: SnapshotError) -> Failure {
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
