//! Composition: joins two components into one, the exports of one as the imports of the other.

use thiserror::Error;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PlugError, plug};

/// The error for components that do not fit together.
#[derive(Debug, Error)]
#[error("cannot compose: {0}")]
pub struct CannotCompose(String);

impl CannotCompose {
    fn because(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut text = String::new();
        let error = error.into();
        let mut cause = Some(&*error as &dyn std::error::Error);
        while let Some(error) = cause {
            let separator = if text.is_empty() { "" } else { ": " };
            text += &format!("{separator}{error}");
            cause = error.source();
        }
        Self(text)
    }
}

/// Joins `front` and `back`: an export of `back` becomes the import of the same name of `front`. An
/// import that both have is an import of the result once.
///
/// # Errors
///
/// When either is not a component, or `back` exports nothing that `front` imports.
pub fn compose(front: &[u8], back: &[u8]) -> Result<Vec<u8>, CannotCompose> {
    let mut graph = CompositionGraph::new();
    let mut register = |name, wasm| {
        if !wasmparser::Parser::is_component(wasm) {
            return Err(CannotCompose(format!("the {name} file is not a WebAssembly component")));
        }
        let package = Package::from_bytes(name, None, wasm, graph.types_mut())
            .map_err(CannotCompose::because)?;
        graph.register_package(package).map_err(CannotCompose::because)
    };
    let (front, back) = (register("first", front)?, register("second", back)?);

    plug(&mut graph, vec![back], front).map_err(|error| match error {
        PlugError::NoPlugHappened => CannotCompose(MISMATCH.into()),
        error => CannotCompose::because(error),
    })?;
    graph.encode(EncodeOptions::default()).map_err(CannotCompose::because)
}

const MISMATCH: &str = "the second component exports nothing that the first imports: check their order, and \
                        that both are for one version of WASI";
