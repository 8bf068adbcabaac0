//! Baking: puts a catalog into an artifact, for edges that have no store.

use std::fmt::Write as _;

use ccs_modules::{Ask, Limits, Step, SyntaxError, list_modules, snapshot};
use thiserror::Error;

use crate::artifacts;
use crate::compose::{CannotCompose, compose};

/// An HTTP service that holds its catalog.
#[derive(Clone, Debug)]
pub struct Baked {
    /// The component, which imports no store.
    pub wasm: Vec<u8>,
    /// The modules of the catalog, in the order of the list.
    pub modules: Vec<ccs_modules::Module>,
}

/// The error for a catalog that cannot be baked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BakeError {
    /// The components do not fit together.
    #[error(transparent)]
    Compose(#[from] CannotCompose),
    /// A document breaks the rules.
    #[error("{0}")]
    Document(ccs_modules::Error),
    /// The documents cannot be encoded: there are too many of them.
    #[error("cannot encode {bytes} bytes of documents: {reason}")]
    Encode {
        /// The length of the documents.
        bytes: usize,
        /// The encoder's error.
        reason: String,
    },
    /// The text is not a JSON array of objects.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line of the error, counted from 1.
        line: usize,
        /// The column of the error in bytes, counted from 1.
        column: usize,
        /// The token that was found, and what was expected.
        reason: String,
    },
}

/// Bakes a body of `GET /v1/modules` into the HTTP service `front`, which may be any component that
/// imports `ccs`. Only a body whose documents are all valid is baked.
///
/// This needs no compiler: the documents become the data of a component, which is composed with the
/// service.
///
/// # Errors
///
/// When a document is not valid, or `front` does not import `ccs`.
pub fn bake(front: &[u8], body: &[u8]) -> Result<Baked, BakeError> {
    let modules = check(body)?;
    // Documents in canonical form are served fastest.
    let documents: Vec<_> = modules.iter().map(|module| &module.document).collect();
    let data = component(&snapshot::join(&documents))?;
    let store = compose(&artifacts::CCS_STATIC.wasm, &data)?;
    Ok(Baked { wasm: compose(front, &store)?, modules })
}

/// Checks the body by the rules of the core, and returns its modules.
fn check(body: &[u8]) -> Result<Vec<ccs_modules::Module>, BakeError> {
    let limits = Limits::default();
    let syntax = |SyntaxError { line, column, reason, .. }: SyntaxError| BakeError::Syntax {
        line,
        column,
        reason: reason.into_owned(),
    };
    snapshot::check(body, &limits).map_err(syntax)?;
    let documents = snapshot::split(body).map_err(syntax)?;
    match list_modules(&["admin"], &limits) {
        Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(documents)),
        Step::Ask(Ask::Document(_)) => Ok(Vec::new()),
        Step::Done(outcome) => outcome,
    }
    .map_err(BakeError::Document)
}

/// Makes a component that returns `data` by the interface `snapshot`, which the adapter `ccs-static`
/// imports.
fn component(data: &[u8]) -> Result<Vec<u8>, BakeError> {
    const PAGE: usize = 64 << 10;
    /// The result of `read` is at address 0, the start and the length of the data; the data follows.
    const START: u32 = 8;

    let failed = |reason| BakeError::Encode { bytes: data.len(), reason };
    let length = u32::try_from(data.len()).map_err(|error| failed(error.to_string()))?;
    let pages = (START as usize + data.len()).div_ceil(PAGE);
    let answer = [START.to_le_bytes(), length.to_le_bytes()].concat();
    let text = format!(
        r#"(component
            (core module $data
                (memory (export "memory") {pages})
                (data (i32.const 0) "{}{}")
                (func (export "read") (result i32) i32.const 0))
            (core instance $data (instantiate $data))
            (func $read (result (list u8))
                (canon lift (core func $data "read") (memory (core memory $data "memory"))))
            (instance $snapshot (export "read" (func $read)))
            (export "ccs:baked/snapshot" (instance $snapshot)))"#,
        escaped(&answer),
        escaped(data),
    );
    wat::parse_str(text).map_err(|error| failed(error.to_string()))
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}
