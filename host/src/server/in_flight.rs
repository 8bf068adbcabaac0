//! The memory that is reserved for requests and responses in flight.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits the bytes of requests and responses in flight.
pub(super) struct InFlight {
    free: Arc<Semaphore>,
}

/// Bytes that are reserved as long as this lives.
pub(super) struct Reserved(
    #[expect(dead_code, reason = "it is kept to be dropped")] OwnedSemaphorePermit,
);

impl InFlight {
    pub(super) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))) }
    }

    /// Reserves this many bytes more, if the limit permits them.
    pub(super) fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let bytes = u32::try_from(bytes).ok()?;
        self.free.clone().try_acquire_many_owned(bytes).ok().map(Reserved)
    }
}

impl Reserved {
    /// Makes a body whose bytes are reserved until it is sent or dropped.
    pub(super) fn body(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Body { bytes, _reserved: self })
    }
}

struct Body {
    bytes: Vec<u8>,
    _reserved: Reserved,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
