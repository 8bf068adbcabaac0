//! The errors of calls.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// The reason why a call has no answer.
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

/// The reason why the store gave no answer, as a shell reports it. The texts are for people and
/// reach the client, so they hold no credentials.
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
pub struct Malformed {
    /// The document that is malformed, or the list.
    pub subject: Subject,
    /// The field at fault; none where it is the document as a whole.
    pub field: Option<&'static str>,
    /// A text that says what was found, and what was expected.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, field, reason } = self;
        match subject {
            Subject::Document(uid) => write!(f, "document \"{}\": ", excerpt(uid))?,
            Subject::DocumentAt(index) => write!(f, "document at index {index}: ")?,
            Subject::List => f.write_str("the list of documents: ")?,
        }
        if let Some(field) = field {
            write!(f, "field {field}: ")?;
        }
        f.write_str(reason)
    }
}

impl core::error::Error for Malformed {}

/// The document that an error is about, or the list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The document with this uid: its own where it can be read, otherwise the uid asked for.
    Document(String),
    /// The document at this index of the list, counted from 0.
    DocumentAt(usize),
    /// The list as a whole.
    List,
}

/// Returns a text that somebody else chose in a form that is fit for a message: its start, on one
/// line.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 512;
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(LONGEST).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn errors_say_what_is_wrong() {
        let malformed = |subject, field| Malformed { subject, field, reason: "a reason".into() };
        for (error, expected) in [
            (Error::Forbidden, "the permission view_cluster_modules is missing"),
            (Error::NotFound, "the module does not exist"),
            (Error::UidTooLong { bytes: 3, limit: 2 }, "the uid is 3 bytes long, the limit is 2"),
            (Error::Store(StoreError::Denied("x".into())), "the store denied access: x"),
            (Error::Store(StoreError::Other("".into())), "the store failed"),
            (Error::Store(StoreError::TooLong("x".into())), "the store's answer is too long: x"),
            (Error::Store(StoreError::Unavailable("x".into())), "the store is unavailable: x"),
            (
                Error::Malformed(malformed(Subject::Document("a".into()), Some("uid"))),
                "document \"a\": field uid: a reason",
            ),
            (
                Error::Malformed(malformed(Subject::DocumentAt(7), None)),
                "document at index 7: a reason",
            ),
            (Error::Malformed(malformed(Subject::List, None)), "the list of documents: a reason"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn what_others_chose_is_shown_short_and_on_one_line() {
        let shown = |text: &str| StoreError::Other(text.into()).to_string();
        assert_eq!(
            shown("a\r\n\u{0}\u{85}\u{e9}"),
            "the store failed: a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{e9}"
        );
        assert_eq!(shown(&"\u{e9}".repeat(512)).chars().count(), "the store failed: ".len() + 512);
        assert_eq!(shown(&"\u{e9}".repeat(513)), shown(&"\u{e9}".repeat(512)));
        let subject = Subject::Document("\n".into());
        let malformed = Malformed { subject, field: None, reason: "a reason".into() };
        assert_eq!(malformed.to_string(), "document \"\u{fffd}\": a reason");
    }
}
