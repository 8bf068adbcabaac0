use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use ccs_modules_json::Excerpt;

/// Why a call has no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// None of the caller's roles holds `view_cluster_modules`. The store was not asked.
    Forbidden,
    /// A stored document breaks the rules.
    Malformed(Malformed),
    /// There is no module with this uid.
    NotFound,
    /// The store gave no answer.
    Store(StoreError),
    /// The uid asked for is longer than [`Limits::uid_bytes`](crate::Limits::uid_bytes). The store
    /// was not asked.
    UidTooLong {
        /// The bytes of the uid asked for.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Forbidden => f.write_str("the permission view_cluster_modules is missing"),
            Error::Malformed(malformed) => malformed.fmt(f),
            Error::NotFound => f.write_str("the module does not exist"),
            Error::Store(error) => error.fmt(f),
            Error::UidTooLong { bytes, limit } => {
                write!(f, "the uid is {bytes} bytes long, the limit is {limit}")
            }
        }
    }
}

impl core::error::Error for Error {}

/// Why the store gave no answer: what a shell hands in. The texts are for people and reach the
/// client, so they hold no credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// The store refused this host. Needs an operator.
    Denied(String),
    /// Anything else.
    Other(String),
    /// The store could not be reached, did not answer in time or is not ready. Worth another try.
    Unavailable(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            StoreError::Denied(why) => ("the store denied access", why),
            StoreError::Other(why) => ("the store failed", why),
            StoreError::Unavailable(why) => ("the store is unavailable", why),
        };
        f.write_str(what)?;
        if why.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", Excerpt(why))
    }
}

impl core::error::Error for StoreError {}

/// A stored document that breaks the rules: which one, which field, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed {
    /// What is malformed.
    pub subject: Subject,
    /// The field at fault; none where it is the document as a whole.
    pub field: Option<&'static str>,
    /// What was found, and what should be there.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Document(uid) => write!(f, "document \"{}\": ", Excerpt(uid))?,
            Subject::DocumentAt(index) => write!(f, "document at index {index}: ")?,
            Subject::List => f.write_str("the list of documents: ")?,
        }
        if let Some(field) = self.field {
            write!(f, "field {field}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl core::error::Error for Malformed {}

/// What is malformed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The document with this uid: its own where it could be read, else the one asked for.
    Document(String),
    /// The document at this index of the list, counted from 0.
    DocumentAt(usize),
    /// The list as a whole.
    List,
}
