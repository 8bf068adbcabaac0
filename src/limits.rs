use crate::config::{depth, one_or_more};

/// Limits of what the core reads, passed with every call: the core holds no configuration.
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
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The deepest nesting of a document, its own object included. Default 16. Reading a document
    /// takes as many times longer as it is nested deeper, and some stack for each level; so a
    /// configuration may say at most 64.
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
