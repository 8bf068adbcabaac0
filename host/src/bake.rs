//! Baking: a catalogue put into an artifact, for edges that have no store.

use std::fmt::Write as _;

use ccs_modules::{Ask, Limits, Step, SyntaxError, list_modules, snapshot};
use thiserror::Error;

use crate::artifacts;
use crate::compose::{CannotCompose, compose};

/// An HTTP service with its catalogue inside.
#[derive(Clone, Debug)]
pub struct Baked {
    /// The component. It imports no store.
    pub wasm: Vec<u8>,
    /// What is in it, in the order of the list.
    pub modules: Vec<ccs_modules::Module>,
}

/// Why nothing was baked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BakeError {
    /// The parts do not fit together.
    #[error(transparent)]
    Compose(#[from] CannotCompose),
    /// A document breaks the rules.
    #[error("{0}")]
    Document(ccs_modules::Error),
    /// The data is not encoded: there is too much of it.
    #[error("cannot encode {bytes} bytes of documents: {reason}")]
    Encode {
        /// How many.
        bytes: usize,
        /// What the encoder says.
        reason: String,
    },
    /// The text is no JSON array of objects.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
        /// What was found, and what should be there.
        reason: String,
    },
}

/// Bakes a body of `GET /v1/modules` into the HTTP service `front`, which is any component that
/// imports `ccs`. The body is checked first: what is baked is served, or nothing is baked.
///
/// No compiler is needed: the documents become the data of a component that is composed behind the
/// service.
///
/// # Errors
///
/// Where the body is not what a store may hold, or `front` does not import `ccs`.
pub fn bake(front: &[u8], body: &[u8]) -> Result<Baked, BakeError> {
    let modules = check(body)?;
    // Documents in canonical form are the quickest to serve.
    let documents: Vec<_> = modules.iter().map(|module| &module.document).collect();
    let data = component(&snapshot::join(&documents))?;
    let store = compose(&artifacts::CCS_STATIC.wasm, &data)?;
    Ok(Baked { wasm: compose(front, &store)?, modules })
}

/// The modules of the body, by the rules of the core.
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

/// A component that holds `data` and gives it out: the interface `snapshot` of the adapter
/// `ccs-static`.
fn component(data: &[u8]) -> Result<Vec<u8>, BakeError> {
    const PAGE: usize = 64 << 10;
    /// What a call answers lies at 0: where the data begins, and how long it is.
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
