//! The demo catalog.

use super::Documents;

/// The body of a server's response.
const BODY: &str = include_str!("demo.json");

/// The demo catalog: the sixteen modules that come with a cluster of version 8.
pub fn demo() -> Documents {
    // A test checks that the embedded body splits.
    Documents::parse(BODY.as_bytes()).unwrap_or_default()
}
