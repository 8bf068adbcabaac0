//! The memory that is reserved for requests and responses in flight.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits the bytes of requests and responses in flight.
pub(super) struct InFlight {
    free: Arc<Semaphore>,
    /// The body that was shared last, as long as a response is being sent that has it.
    shared: Mutex<Weak<InMemory>>,
}

/// Bytes that are reserved as long as this lives.
pub(super) struct Reserved(
    #[expect(dead_code, reason = "it is kept to be dropped")] OwnedSemaphorePermit,
);

impl InFlight {
    pub(super) fn new(bytes: usize) -> Self {
        let free = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { free, shared: Mutex::default() }
    }

    /// Reserves this many bytes more, if the limit permits them.
    pub(super) fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let bytes = u32::try_from(bytes).ok()?;
        self.free.clone().try_acquire_many_owned(bytes).ok().map(Reserved)
    }

    /// Makes a body whose bytes are reserved until it is sent or dropped, if the limit permits them.
    ///
    /// The list of a catalog that is kept is shared by the responses that send it, and is reserved once for
    /// all of them: it takes memory of its own when another catalog is kept while clients still take it.
    pub(super) fn body(&self, bytes: Bytes) -> Option<Bytes> {
        if bytes.is_empty() {
            return Some(bytes);
        }
        if bytes.is_unique() {
            return self.reserved(bytes).map(Bytes::from_owner);
        }

        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shared.upgrade().filter(|known| known.bytes.as_ptr() == bytes.as_ptr());
        let body = match known {
            Some(known) => Body(known),
            None => self.reserved(bytes)?,
        };
        *shared = Arc::downgrade(&body.0);
        Some(Bytes::from_owner(body))
    }

    fn reserved(&self, bytes: Bytes) -> Option<Body> {
        let _reserved = self.reserve(bytes.len())?;
        Some(Body(Arc::new(InMemory { bytes, _reserved })))
    }
}

struct Body(Arc<InMemory>);

struct InMemory {
    bytes: Bytes,
    _reserved: Reserved,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}
