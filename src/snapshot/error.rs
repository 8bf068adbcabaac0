//! The reasons why there is no snapshot.

use core::fmt;

use crate::error::Malformed;
use crate::json::Position;
use crate::snapshot::image::Damaged;

/// The error for a catalog that breaks the rules.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SnapshotError {
    /// The document at fault, its field and the reason.
    pub malformed: Malformed,
    /// The position in the body of the list: of the mistake if the body is not JSON, else of the document
    /// at fault. `None` if the catalog was given as documents.
    pub position: Option<Position>,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        self.malformed.fmt(f)
    }
}

impl core::error::Error for SnapshotError {}

/// The error for bytes that are not the image of a snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageError(());

impl From<Damaged> for ImageError {
    fn from(_: Damaged) -> Self {
        Self(())
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the image of a snapshot, or damaged, or of another version of the library")
    }
}

impl core::error::Error for ImageError {}
