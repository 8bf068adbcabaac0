//! The memory that requests and responses in flight hold together.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits the bytes of requests and responses in flight.
pub(super) struct InFlight {
    free: Arc<Semaphore>,
}

/// Bytes that count as long as this lives.
pub(super) struct Held(
    #[expect(dead_code, reason = "it is kept to be dropped")] OwnedSemaphorePermit,
);

impl InFlight {
    pub(super) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))) }
    }

    /// Counts this many bytes more, if the limit permits them.
    pub(super) fn hold(&self, bytes: usize) -> Option<Held> {
        let bytes = u32::try_from(bytes).ok()?;
        self.free.clone().try_acquire_many_owned(bytes).ok().map(Held)
    }
}

impl Held {
    /// Makes a body that counts until it is sent or dropped.
    pub(super) fn body(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Body { bytes, _held: self })
    }
}

struct Body {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
