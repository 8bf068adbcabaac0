//! Why there is no snapshot.

use core::fmt;

use crate::error::Malformed;
use crate::image::Damaged;
use crate::json::Position;

/// The error for a catalog that breaks the rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotError {
    /// The document at fault, its field and the reason.
    pub malformed: Malformed,
    /// The position in the body of the list; none where the catalog was given as documents.
    ///
    /// That of the mistake itself where the JSON is at fault, else that of the document.
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
