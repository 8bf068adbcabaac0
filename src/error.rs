use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use ccs_modules_json::{decimal, excerpt};

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

impl Error {
    /// The error in words, as it is displayed. What is built for a small component makes its texts
    /// without `format!`, here and elsewhere.
    pub fn text(&self) -> String {
        match self {
            Error::Forbidden => "the permission view_cluster_modules is missing".into(),
            Error::Malformed(malformed) => malformed.text(),
            Error::NotFound => "the module does not exist".into(),
            Error::Store(error) => error.text(),
            Error::UidTooLong { bytes, limit } => {
                let (bytes, limit) = (decimal(*bytes), decimal(*limit));
                ["the uid is ", &bytes, " bytes long, the limit is ", &limit].concat()
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
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

impl StoreError {
    fn text(&self) -> String {
        let (what, why) = match self {
            StoreError::Denied(why) => ("the store denied access", why),
            StoreError::Other(why) => ("the store failed", why),
            StoreError::Unavailable(why) => ("the store is unavailable", why),
        };
        let colon = if why.is_empty() { "" } else { ": " };
        [what, colon, &excerpt(why)].concat()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
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

impl Malformed {
    fn text(&self) -> String {
        let subject = match &self.subject {
            Subject::Document(uid) => ["document \"", &excerpt(uid), "\": "].concat(),
            Subject::DocumentAt(index) => ["document at index ", &decimal(*index), ": "].concat(),
            Subject::List => "the list of documents: ".into(),
        };
        match self.field {
            Some(field) => [&subject, "field ", field, ": ", &self.reason].concat(),
            None => [&*subject, &self.reason].concat(),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use ccs_modules_json::SyntaxError;

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

    #[test]
    fn a_place_is_a_line_and_a_column() {
        let text = b"ab\n\nc";
        for (offset, expected) in
            [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (5, (3, 2)), (9, (3, 2))]
        {
            let error = SyntaxError::new(offset, "a reason");
            assert_eq!(error.line_and_column(text), expected, "{offset}");
        }
        assert_eq!(SyntaxError::new(4, "a reason").to_string(), "byte 4: a reason");
    }
}
