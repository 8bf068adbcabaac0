//! Snapshots: the body of `GET /v1/modules`, which every operator has, as the content of a store.

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

/// The first document with this uid, as `get-document` answers for a store that is a list. A
/// malformed document has no uid here.
pub fn find<'a, D: AsRef<[u8]>>(documents: &'a [D], uid: &str) -> Option<&'a D> {
    let limits = Limits::default();
    documents.iter().find(|document| {
        crate::module::find_uid(document.as_ref(), &limits).is_some_and(|found| found == uid)
    })
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
