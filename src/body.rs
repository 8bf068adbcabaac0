//! The unchecked body of `GET /v1/modules`, which every operator has, as the content of a store.
//!
//! These functions look at the array and not into its documents, which are checked when they answer a call,
//! or become a [`Snapshot`](crate::Snapshot).

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::StoreError;
use crate::json::{self, Kind, SyntaxError};
use crate::limits::Limits;
use crate::module;
use crate::step::Ask;

/// Splits a body, a JSON array of objects, into its documents.
///
/// The whole text must be JSON. A document may still break every other rule.
///
/// # Errors
///
/// If the text is not one array of objects.
///
/// ```
/// let documents = ccs_modules::body::split(br#"[{"uid":"a"},{"uid":"b"}]"#)?;
/// assert_eq!(documents, [br#"{"uid":"a"}"#, br#"{"uid":"b"}"#]);
/// # Ok::<(), ccs_modules::SyntaxError>(())
/// ```
pub fn split(text: &[u8]) -> Result<Vec<&[u8]>, SyntaxError> {
    let mut documents = Vec::new();
    for element in json::elements(json::decode(text)?)? {
        match Kind::of(element) {
            Kind::Object => documents.push(element.as_bytes()),
            kind => {
                let reason = format!("{}, expected a module object", kind.name());
                return Err(SyntaxError::at(text, element.as_bytes(), reason));
            }
        }
    }
    Ok(documents)
}

/// Checks all of a body but the fields of its documents: that it can be split, and that each document
/// has a compact form within [`Limits::depth`]. So an error has a position in the body.
///
/// # Errors
///
/// If the text is not one array of objects, nested no deeper than the limit, with each key once.
pub fn check(text: &[u8], limits: &Limits) -> Result<(), SyntaxError> {
    for document in split(text)? {
        json::check(json::decode(document)?, limits.depth)
            .map_err(|error| error.moved(text, document))?;
    }
    Ok(())
}

/// Returns the first document with this uid, for a store that is a list. `limits` are those of the
/// call.
///
/// A document that is not JSON has no uid.
pub fn find<'a, D: AsRef<[u8]>>(documents: &'a [D], uid: &str, limits: &Limits) -> Option<&'a D> {
    let has_uid = |document: &[u8]| self::uid(document, limits).is_some_and(|found| found == uid);
    documents.iter().find(|document| has_uid(document.as_ref()))
}

/// Returns the uid by which [`find`] finds a document, for a store that keeps an index.
pub fn uid<'a>(document: &'a [u8], limits: &Limits) -> Option<Cow<'a, str>> {
    module::find_uid(document, limits)
}

/// Joins documents into a body: the array, and one line end.
pub fn join<D: AsRef<[u8]>>(documents: &[D]) -> Vec<u8> {
    let bytes = documents.iter().map(|document| document.as_ref().len()).sum();
    let mut body = Writer::with_capacity(documents.len(), bytes);
    for document in documents {
        body.push(document.as_ref());
    }
    body.finish()
}

/// Writes a body, a document at a time.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Makes room for this many documents with this many bytes in all.
    pub(crate) fn with_capacity(documents: usize, bytes: usize) -> Self {
        // A bracket or a comma before each, and the end.
        Self(Vec::with_capacity(bytes + documents + 3))
    }

    /// Appends a document, and returns its place in the body.
    pub(crate) fn push(&mut self, document: &[u8]) -> Range<usize> {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        let start = self.0.len();
        self.0.extend_from_slice(document);
        start..self.0.len()
    }

    /// Returns the body, with one line end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.extend_from_slice(b"]\n");
        self.0
    }
}

impl<T> Ask<T> {
    /// Returns the outcome, given the whole store as the body of `GET /v1/modules`, or the reason why
    /// there is no body. The error for a body that is not a list calls the body by this name.
    ///
    /// ```
    /// use ccs_modules::{Limits, Step, get_module};
    ///
    /// let Step::Ask(ask) = get_module(&["admin"], "a", &Limits::default()) else { panic!() };
    /// let module = ask.answer_body("the file", Ok(br#"[{"uid":"a"}]"#));
    /// assert_eq!(module.unwrap().uid, "a");
    /// ```
    pub fn answer_body<B: AsRef<[u8]>>(self, name: &str, body: Result<B, StoreError>) -> T {
        let documents = body.as_ref().map_err(Clone::clone).and_then(|body| {
            let reason =
                |error| StoreError::Other(format!("{name} is not a list of documents: {error}"));
            split(body.as_ref()).map_err(reason)
        });
        match self {
            Ask::Document(ask) => {
                let found = |documents: Vec<_>| find(&documents, ask.uid(), &ask.limits).copied();
                let document = documents.map(found);
                ask.answer(document)
            }
            Ask::Documents(ask) => ask.answer(documents),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;

    fn split_text(text: &str) -> Result<Vec<&str>, String> {
        let documents = split(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(documents.into_iter().map(|it| core::str::from_utf8(it).unwrap()).collect())
    }

    #[test]
    fn split_cuts_a_body_into_its_documents() {
        for (text, expected) in [
            ("[]", &[][..]),
            (" [ \t] \r\n", &[]),
            ("[{}]", &["{}"]),
            (" [ {} , { } ] ", &["{}", "{ }"]),
            (r#"[{"a":{"b":[{}]}},{"c":[]}]"#, &[r#"{"a":{"b":[{}]}}"#, r#"{"c":[]}"#]),
            (r#"[{"a":"}]"},{"b":"\"}\\"}]"#, &[r#"{"a":"}]"}"#, r#"{"b":"\"}\\"}"#]),
            // Which characters stand in strings is not looked at, nor which keys.
            (r#"[{"a":"\ud800","a":1}]"#, &[r#"{"a":"\ud800","a":1}"#]),
        ] {
            assert_eq!(split_text(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn split_refuses_a_body_that_is_not_a_list_with_the_position() {
        for (text, expected) in [
            ("", "line 1, column 1: unexpected end"),
            (" {}", "line 1, column 2: expected an array"),
            ("[", "line 1, column 1: unexpected end"),
            ("[1]", "line 1, column 2: a number, expected a module object"),
            ("[{},\n []]", "line 2, column 2: an array, expected a module object"),
            ("[{},]", "line 1, column 5: unexpected `]`"),
            ("[{} {}]", "line 1, column 5: unexpected `{`"),
            ("[{}", "line 1, column 3: unexpected end"),
            ("[{nothing}]", "line 1, column 3: unexpected `n`"),
            (r#"[{"a":[}"#, "line 1, column 8: unexpected `}`"),
            (r#"[{"a}]"#, "line 1, column 6: unexpected end"),
            ("[{}]\n[]", "line 2, column 1: unexpected `[`"),
            ("[]]", "line 1, column 3: unexpected `]`"),
            ("\u{feff}[]", "line 1, column 1: a byte order mark, expected a value"),
        ] {
            assert_eq!(split_text(text), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn check_reads_the_documents() {
        let limits = Limits { depth: 2, ..Limits::default() };
        let check = |text: &str| check(text.as_bytes(), &limits).map_err(|error| error.to_string());
        assert_eq!(check(r#" [{"a":[1]}, {}] "#), Ok(()));
        for (text, expected) in [
            ("[{nothing}]", "line 1, column 3: unexpected `n`"),
            (r#"[{"a":[[]]}]"#, "line 1, column 8: nested deeper than the limit of 2"),
            (
                "[{},\n{\"a\":1,\n\"a\":2}]",
                "line 3, column 1: the key \"a\" stands twice in one object",
            ),
            ("[{},\n{\"a\":\"\\ud800\"}]", "line 2, column 6: a string with half a surrogate pair"),
            ("{}", "line 1, column 1: expected an array"),
            ("[[]]", "line 1, column 2: an array, expected a module object"),
        ] {
            assert_eq!(check(text), Err(expected.into()), "{text}");
        }
        let endless = Limits { depth: usize::MAX, ..limits };
        assert_eq!(super::check(b"[]", &endless), Ok(()));
    }

    #[test]
    fn find_returns_the_first_valid_document_with_the_uid() {
        let documents = ["{", r#"{"uid":"b"}"#, r#"{"uid":"a","n":1}"#, r#"{"uid":"a"}"#];
        let find = |uid| find(&documents, uid, &Limits::default());
        assert_eq!(find("a"), Some(&documents[2]));
        assert_eq!(find("c"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn find_reads_documents_within_the_limits() {
        let uid = "u".repeat(1500);
        let documents = [alloc::format!(r#"{{"uid":"{uid}"}}"#)];
        let larger = Limits { uid_bytes: 1500, ..Limits::default() };
        assert_eq!(find(&documents, &uid, &larger), Some(&documents[0]));
        assert_eq!(find(&documents, &uid, &Limits::default()), None);
    }

    #[test]
    fn split_undoes_join() {
        assert_eq!(join::<&str>(&[]), b"[]\n");
        assert_eq!(join(&["{}"]), b"[{}]\n");
        let joined = join(&["{}", r#"{"a":1}"#]);
        assert_eq!(joined, b"[{},{\"a\":1}]\n");
        assert_eq!(split(&joined).unwrap(), [&b"{}"[..], br#"{"a":1}"#]);
    }
}
