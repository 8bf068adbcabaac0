//! The memory of an instance, and its limit.

use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};

use crate::CallError;

/// Makes a store for an instance that has no more than this memory, and that lets other tasks run at each
/// tick of the engine.
pub(crate) fn limited<T>(
    engine: &Engine,
    mut data: T,
    memory: impl Fn(&mut T) -> &mut Memory + Send + Sync + 'static,
) -> Store<T> {
    let limit = memory(&mut data).limit;
    let mut store = Store::new(engine, data);
    store.limiter(move |data| memory(data));
    store.set_hostcall_fuel(copied_bytes(limit));
    store.set_epoch_deadline(1);
    // Not `epoch_deadline_async_yield_and_update`, after which every call needs a stack of its own.
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
    store
}

/// The bytes that one call may copy out of an instance whose memory has this limit. A value is up to three
/// times as long in the host as in the instance. So the limit of the memory is reached first, and a guest
/// cannot fill the host's memory by passing the same bytes again and again.
fn copied_bytes(limit: usize) -> usize {
    limit.saturating_mul(3)
}

/// The memory of one instance, and its limit.
pub(crate) struct Memory {
    limit: usize,
    used: usize,
    refused: bool,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, refused: false }
    }

    /// The memory that the instance has, in bytes. It never gives any back.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Converts the error of a call. A guest that was refused memory traps, and the trap does not
    /// show the cause.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> CallError {
        if self.refused {
            CallError::MemoryExhausted(self.limit)
        } else {
            CallError::from_wasmtime(error)
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limit;
        if allowed {
            self.used += desired.saturating_sub(current);
        }
        self.refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// The limit of table elements, far more than a component has functions to call indirectly.
const TABLE_ELEMENTS: usize = 10_000;
