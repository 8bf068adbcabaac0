/// Limits of what the core reads, passed with every call: the core holds no configuration.
///
/// The defaults are far above what real servers send (documents of 468 to 1277 bytes, nested 5 deep,
/// in lists of 6 to 16) and far below what could hurt a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The deepest nesting of a document, its own object included. Default 16. Reading a document
    /// takes as many times longer as it is nested deeper, and some stack for each level.
    pub depth: usize,
    /// The longest document, in bytes as stored. Default 1 MiB.
    pub document_bytes: usize,
    /// The most documents in a list. Default 100,000.
    pub documents: usize,
    /// The longest request target, in bytes as received. Default 8 KiB.
    pub target_bytes: usize,
    /// The longest uid, in bytes, asked for or stored. Default 1 KiB.
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
