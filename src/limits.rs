use core::num::NonZeroUsize;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::json::DEEPEST;

/// Limits of what the core reads, passed with every call: the core keeps no configuration.
///
/// The defaults are far above what real servers send (documents of 468 to 1277 bytes, nested 5 deep,
/// in lists of 6 to 16) and far below what could hurt a host.
///
/// A configuration gives them as an object, and may leave out any of them:
///
/// ```
/// use ccs_modules::{Limits, config};
///
/// let limits: Limits = config::parse(br#"{"documents": 16}"#)?;
/// assert_eq!((limits.documents, limits.uid_bytes), (16, 1024));
/// let error = config::parse::<Limits>(br#"{"documents": 0}"#).unwrap_err();
/// assert_eq!(error.to_string(), "documents: expected an integer from 1 up");
/// # Ok::<(), config::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The deepest nesting of a document, its own object included. Default 16. Reading a document
    /// takes as many times longer as it is nested deeper, and some stack for each level. So a
    /// configuration allows at most 64, and a larger value counts as 64.
    #[serde(deserialize_with = "depth")]
    pub depth: usize,
    /// The longest document, in bytes as stored. Default 1 MiB.
    #[serde(deserialize_with = "one_or_more")]
    pub document_bytes: usize,
    /// The most documents in a list. Default 100,000.
    #[serde(deserialize_with = "one_or_more")]
    pub documents: usize,
    /// The longest request target, in bytes as received. Default 8 KiB.
    #[serde(deserialize_with = "one_or_more")]
    pub target_bytes: usize,
    /// The longest uid, in bytes, asked for or stored. Default 1 KiB.
    #[serde(deserialize_with = "one_or_more")]
    pub uid_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 16,
            document_bytes: 1 << 20,
            documents: 100_000,
            target_bytes: 8 << 10,
            uid_bytes: 1 << 10,
        }
    }
}

/// Reads an integer from 1 up.
fn one_or_more<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    let number = NonZeroUsize::deserialize(json).map(NonZeroUsize::get);
    number.map_err(|_| D::Error::custom("expected an integer from 1 up"))
}

fn depth<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    let depth = one_or_more(json).ok().filter(|depth| *depth <= DEEPEST);
    let expected = format_args!("expected an integer from 1 to {DEEPEST}");
    depth.ok_or_else(|| D::Error::custom(expected))
}
