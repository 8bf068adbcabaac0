//! The demonstration catalogue.

use super::Snapshot;

/// The body that a server answers with.
const BODY: &str = include_str!("demo.json");

/// The sixteen modules that come with a cluster of version 8, for demonstration.
pub fn demo() -> Snapshot {
    // The tests hold the embedded body to be one that splits.
    Snapshot::parse(BODY.as_bytes()).unwrap_or_default()
}
