//! Snapshots: the body of `GET /v1/modules`, which every operator has, as the content of a store.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ccs_modules_json::{self as json, SyntaxError};

use crate::limits::Limits;

/// Splits a snapshot, a JSON array of objects, into its documents.
///
/// Only brackets and strings are looked at: the documents are checked, once, where they answer an
/// [`Ask`](crate::Ask). So a document that comes out of this may still be malformed, but the text
/// outside documents is not.
///
/// # Errors
///
/// Where the text is not an array of objects, or goes on after it.
///
/// ```
/// let documents = ccs_modules::snapshot::split(br#"[{"uid":"a"},{"uid":"b"}]"#)?;
/// assert_eq!(documents, [br#"{"uid":"a"}"#, br#"{"uid":"b"}"#]);
/// # Ok::<(), ccs_modules::SyntaxError>(())
/// ```
pub fn split(text: &[u8]) -> Result<Vec<&[u8]>, SyntaxError> {
    let mut at = skip_space(text, 0);
    let mut documents = Vec::new();
    if text.get(at) != Some(&b'[') {
        return Err(SyntaxError::new(at, "expected an array of module objects"));
    }
    at = skip_space(text, at + 1);
    if text.get(at) == Some(&b']') {
        at += 1;
    } else {
        loop {
            let end = object_end(text, at)?;
            documents.push(text.get(at..end).unwrap_or_default());
            at = skip_space(text, end);
            match text.get(at) {
                Some(b',') => at = skip_space(text, at + 1),
                Some(b']') => break at += 1,
                _ => return Err(SyntaxError::new(at, "expected a comma or a closing bracket")),
            }
        }
    }
    at = skip_space(text, at);
    if at < text.len() {
        return Err(SyntaxError::new(at, "more after the end of the array"));
    }
    Ok(documents)
}

/// Checks the syntax of a whole snapshot, documents included, to say where in it an error is. What
/// the documents hold is checked where they answer an [`Ask`](crate::Ask).
///
/// # Errors
///
/// Where the text is not one array of objects, in sound JSON, nested no deeper than
/// [`Limits::depth`].
pub fn check(text: &[u8], limits: &Limits) -> Result<(), SyntaxError> {
    json::canonical(text, limits.depth.saturating_add(1))?;
    split(text).map(drop)
}

/// Returns the first document with this uid: the answer to `get-document` of a store that is a list.
/// `limits` are those of the call.
///
/// A document that is malformed as a whole has no uid.
pub fn find<'a, D: AsRef<[u8]>>(documents: &'a [D], uid: &str, limits: &Limits) -> Option<&'a D> {
    let has_uid = |document: &[u8]| self::uid(document, limits).is_some_and(|found| found == uid);
    documents.iter().find(|document| has_uid(document.as_ref()))
}

/// Returns the uid by which [`find`] finds a document, for a store that keeps an index.
pub fn uid<'a>(document: &'a [u8], limits: &Limits) -> Option<Cow<'a, str>> {
    crate::module::find_uid(document, limits)
}

/// Joins documents to a snapshot: the array, and one line end.
pub fn join<D: AsRef<[u8]>>(documents: &[D]) -> Vec<u8> {
    let bytes: usize = documents.iter().map(|document| document.as_ref().len() + 1).sum();
    let mut text = Vec::with_capacity(bytes + 3);
    text.push(b'[');
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(document.as_ref());
    }
    text.extend_from_slice(b"]\n");
    text
}

/// The position after the object at `start`.
fn object_end(text: &[u8], start: usize) -> Result<usize, SyntaxError> {
    let rest = text.get(start..).unwrap_or_default();
    if rest.first() != Some(&b'{') {
        return Err(SyntaxError::new(start, "expected a module object"));
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (index, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(start + index + 1);
                }
            }
            _ => {}
        }
    }
    Err(SyntaxError::new(text.len(), "the text ends inside a module object"))
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
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
    fn a_snapshot_is_split_where_its_objects_end() {
        for (text, expected) in [
            ("[]", &[][..]),
            (" [ \t] \r\n", &[]),
            ("[{}]", &["{}"]),
            (" [ {} , { } ] ", &["{}", "{ }"]),
            (r#"[{"a":{"b":[{}]}},{"c":[]}]"#, &[r#"{"a":{"b":[{}]}}"#, r#"{"c":[]}"#]),
            (r#"[{"a":"}]"},{"b":"\"}\\"}]"#, &[r#"{"a":"}]"}"#, r#"{"b":"\"}\\"}"#]),
            // What stands in an object is not looked at.
            ("[{nothing}]", &["{nothing}"]),
            (r"[{\}]", &[r"{\}"]),
        ] {
            assert_eq!(split_text(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_snapshot_is_refused_with_the_place() {
        for (text, expected) in [
            ("", "byte 0: expected an array of module objects"),
            (" {}", "byte 1: expected an array of module objects"),
            ("[", "byte 1: expected a module object"),
            ("[1]", "byte 1: expected a module object"),
            ("[{},]", "byte 4: expected a module object"),
            ("[{} {}]", "byte 4: expected a comma or a closing bracket"),
            ("[{}", "byte 3: expected a comma or a closing bracket"),
            (r#"[{"a":[}"#, "byte 8: the text ends inside a module object"),
            (r#"[{"a}]"#, "byte 6: the text ends inside a module object"),
            ("[{}] []", "byte 5: more after the end of the array"),
            ("[]]", "byte 2: more after the end of the array"),
        ] {
            assert_eq!(split_text(text), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn a_check_looks_into_the_documents() {
        let limits = Limits { depth: 2, ..Limits::default() };
        let check = |text: &str| check(text.as_bytes(), &limits).map_err(|error| error.to_string());
        assert_eq!(check(r#" [{"a":[1]}, {}] "#), Ok(()));
        for (text, expected) in [
            ("[{nothing}]", "byte 2: expected a key in double quotes"),
            (r#"[{"a":[[]]}]"#, "byte 7: nested too deeply"),
            ("{}", "byte 0: expected an array of module objects"),
            ("[[]]", "byte 1: expected a module object"),
        ] {
            assert_eq!(check(text), Err(expected.into()), "{text}");
        }
        let endless = Limits { depth: usize::MAX, ..limits };
        assert_eq!(super::check(b"[]", &endless), Ok(()));
    }

    #[test]
    fn the_first_sound_document_with_the_uid_is_found() {
        let documents = ["{", r#"{"uid":"b"}"#, r#"{"uid":"a","n":1}"#, r#"{"uid":"a"}"#];
        let find = |uid| find(&documents, uid, &Limits::default());
        assert_eq!(find("a"), Some(&documents[2]));
        assert_eq!(find("c"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn a_document_is_found_within_the_limits_in_force() {
        let uid = "u".repeat(1500);
        let documents = [alloc::format!(r#"{{"uid":"{uid}"}}"#)];
        let larger = Limits { uid_bytes: 1500, ..Limits::default() };
        assert_eq!(find(&documents, &uid, &larger), Some(&documents[0]));
        assert_eq!(find(&documents, &uid, &Limits::default()), None);
    }

    #[test]
    fn what_is_joined_can_be_split() {
        assert_eq!(join::<&str>(&[]), b"[]\n");
        assert_eq!(join(&["{}"]), b"[{}]\n");
        let joined = join(&["{}", r#"{"a":1}"#]);
        assert_eq!(joined, b"[{},{\"a\":1}]\n");
        assert_eq!(split(&joined).unwrap(), [&b"{}"[..], br#"{"a":1}"#]);
    }
}
