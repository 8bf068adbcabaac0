//! The errors of calls.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::json::Position;
use crate::lookup::InvalidRedisVersion;

/// The reason why a call has no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// None of the caller's roles has `view_cluster_modules`. The store was not asked.
    Forbidden,
    /// The Redis version of a lookup is not a version. The store was not asked.
    InvalidRedisVersion(InvalidRedisVersion),
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
            Error::InvalidRedisVersion(error) => error.fmt(f),
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

impl From<InvalidRedisVersion> for Error {
    fn from(error: InvalidRedisVersion) -> Self {
        Self::InvalidRedisVersion(error)
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reason why the store gave no answer, as a shell reports it. The texts are for people and
/// reach the client, so they contain no credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// The store refused this host. Needs an operator.
    Denied(String),
    /// The store failed in another way.
    Other(String),
    /// The store's answer is longer than the shell accepts.
    TooLong(String),
    /// The store could not be reached, did not answer in time or is not ready. Worth another try.
    Unavailable(String),
}

impl StoreError {
    /// Returns the text of the shell alone.
    pub fn reason(&self) -> &str {
        match self {
            Self::Denied(why) | Self::Other(why) | Self::TooLong(why) | Self::Unavailable(why) => {
                why
            }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            StoreError::Denied(_) => "the store denied access",
            StoreError::Other(_) => "the store failed",
            StoreError::TooLong(_) => "the store's answer is too long",
            StoreError::Unavailable(_) => "the store is unavailable",
        };
        let why = self.reason();
        let colon = if why.is_empty() { "" } else { ": " };
        write!(f, "{what}{colon}{}", excerpt(why))
    }
}

impl core::error::Error for StoreError {}

/// A stored document, or a list, that breaks the rules.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Malformed {
    /// The uid of the document: its own, or the uid that was asked for. `None` if it has no valid uid, or
    /// if the list as a whole is at fault.
    pub uid: Option<String>,
    /// The index of the document in its list, counted from 0. `None` if the document was asked for by its
    /// uid, or if the list as a whole is at fault.
    pub index: Option<usize>,
    /// The field at fault. `None` if the document as a whole is at fault.
    pub field: Option<&'static str>,
    /// The position in the document, if it is not JSON.
    pub position: Option<Position>,
    /// A text with what was found, and what was expected.
    pub reason: Cow<'static, str>,
}

impl Malformed {
    /// Makes the error for a list as a whole.
    pub(crate) fn list(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { uid: None, index: None, field: None, position: None, reason: reason.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.uid, self.index) {
            (Some(uid), _) => write!(f, "document \"{}\": ", excerpt(uid))?,
            (None, Some(index)) => write!(f, "document at index {index}: ")?,
            (None, None) => f.write_str("the list of documents: ")?,
        }
        write_fault(f, self.field, self.position, &self.reason)
    }
}

/// Writes what is wrong with a document, and where.
pub(crate) fn write_fault(
    f: &mut fmt::Formatter<'_>,
    field: Option<&str>,
    position: Option<Position>,
    reason: &str,
) -> fmt::Result {
    if let Some(field) = field {
        write!(f, "field {field}: ")?;
    }
    if let Some(position) = position {
        write!(f, "{position}: ")?;
    }
    f.write_str(reason)
}

impl core::error::Error for Malformed {}

/// Returns a text from outside in a form that is fit for a message: its start, at most 512
/// bytes, on one line.
pub fn excerpt(text: &str) -> String {
    /// The most bytes of an excerpt, in which a control character takes three.
    const LONGEST: usize = 512;
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };

    // A character has at least one byte.
    let mut excerpt: String = text.chars().take(LONGEST).map(printable).collect();
    excerpt.truncate(excerpt.floor_char_boundary(LONGEST));
    excerpt
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn errors_are_shown_with_their_reasons() {
        let list = Malformed::list("a reason");
        let document = Malformed { index: Some(7), ..list.clone() };
        let named = Malformed { uid: Some("a".into()), field: Some("uid"), ..document.clone() };
        for (error, expected) in [
            (Error::Forbidden, "the permission view_cluster_modules is missing"),
            (Error::NotFound, "the module does not exist"),
            (Error::UidTooLong { bytes: 3, limit: 2 }, "the uid is 3 bytes long, the limit is 2"),
            (Error::Store(StoreError::Denied("x".into())), "the store denied access: x"),
            (Error::Store(StoreError::Other("".into())), "the store failed"),
            (Error::Store(StoreError::TooLong("x".into())), "the store's answer is too long: x"),
            (Error::Store(StoreError::Unavailable("x".into())), "the store is unavailable: x"),
            (Error::Malformed(named), "document \"a\": field uid: a reason"),
            (Error::Malformed(document), "document at index 7: a reason"),
            (Error::Malformed(list), "the list of documents: a reason"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn an_excerpt_of_a_reason_is_short_and_on_one_line() {
        let shown = |text: &str| StoreError::Other(text.into()).to_string();
        assert_eq!(
            shown("a\r\n\u{0}\u{85}\u{e9}"),
            "the store failed: a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{e9}"
        );
        for (repeated, times) in [("a", 512), ("\u{e9}", 256), ("\u{7f}", 170), ("\u{1f600}", 128)]
        {
            let longest = shown(&repeated.repeat(times));
            assert_eq!(longest.chars().count(), "the store failed: ".len() + times);
            assert_eq!(shown(&repeated.repeat(times + 1)), longest);
        }
        let malformed = Malformed { uid: Some("\n".into()), ..Malformed::list("a reason") };
        assert_eq!(malformed.to_string(), "document \"\u{fffd}\": a reason");
    }
}
