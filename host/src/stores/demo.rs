//! The demo catalog.

use super::Snapshot;

/// The body of a server's response.
const BODY: &str = include_str!("demo.json");

/// The demo catalog: the sixteen modules that come with a cluster of version 8.
pub fn demo() -> Snapshot {
    // A test checks that the embedded body splits.
    Snapshot::parse(BODY.as_bytes()).unwrap_or_default()
}
