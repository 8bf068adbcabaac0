//! The standalone component: snapshots that instances keep.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime::component::{InstancePre, Linker, ResourceAny};
use wasmtime::{Engine, Store};

use crate::component::bindings::standalone::exports::ccs::modules::{snapshot, types};
use crate::component::engine;
use crate::component::in_time;
use crate::component::memory::{self, Memory};
use crate::{CallError, CallLimits, Caller, LoadError, Request, Response};

/// The standalone component, compiled and linked. Clones share it.
///
/// Its instances keep snapshots: a catalog is checked once, when it is opened, and each call is
/// answered from what was checked.
#[derive(Clone)]
pub struct Standalone {
    loaded: Arc<Loaded>,
}

/// The compiled component, and its instances.
struct Loaded {
    engine: Engine,
    component: InstancePre<Memory>,
    snapshot: snapshot::GuestIndices,
    limits: CallLimits,
    copies: usize,
    slots: Arc<Semaphore>,
    opened: AtomicU64,
}

impl Standalone {
    /// Loads a component of the world `standalone`, as [`Plugin::load`](crate::Plugin::load) loads a
    /// plugin. Two instances for each processor have room, and no more than two for each one that
    /// `limits` allow.
    ///
    /// # Errors
    ///
    /// When the engine does not start, or `wasm` is not such a component.
    pub fn load(wasm: &[u8], limits: CallLimits) -> Result<Self, LoadError> {
        let processors = available_parallelism().map_or(1, |count| count.get());
        let copies = u32::try_from(processors).unwrap_or(u32::MAX).min(limits.instances);
        let instances = copies.saturating_mul(2);
        let (engine, component) = engine::compile(wasm, CallLimits { instances, ..limits })?;
        let wrong_world = |error| LoadError::World(format!("{error:#}"));
        let component = Linker::new(&engine).instantiate_pre(&component).map_err(wrong_world)?;
        let loaded = Loaded {
            snapshot: snapshot::GuestIndices::new(&component).map_err(wrong_world)?,
            engine,
            component,
            limits,
            copies: copies as usize,
            slots: Arc::new(Semaphore::new(instances as usize)),
            opened: AtomicU64::new(0),
        };
        Ok(Self { loaded: Arc::new(loaded) })
    }

    /// Opens a snapshot of these documents in an instance of its own. It waits until fewer snapshots
    /// are kept than there is room for.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] if the documents are not a catalog.
    pub async fn open(&self, documents: &[String]) -> Result<KeptSnapshot, OpenError> {
        in_time(self.loaded.limits.timeout, self.open_in_time(documents)).await
    }

    async fn open_in_time(&self, documents: &[String]) -> Result<KeptSnapshot, OpenError> {
        let Loaded { engine, component, limits, slots, opened, .. } = &*self.loaded;
        let slots = slots.clone();
        let slot =
            slots.acquire_owned().await.map_err(|error| CallError::Host(error.to_string()))?;
        opened.fetch_add(1, Ordering::Relaxed);
        let mut store = memory::limited(engine, Memory::new(limits.memory), |memory| memory);
        let opening = async {
            let instance = component.instantiate_async(&mut store).await?;
            let interface = self.loaded.snapshot.load(&mut store, &instance)?;
            let snapshot = interface.snapshot().call_from_documents(&mut store, documents).await?;
            wasmtime::Result::Ok((interface, snapshot))
        };
        let (interface, snapshot) = opening.await.map_err(|error| store.data().failure(&error))?;
        match snapshot {
            Ok(snapshot) => {
                Ok(KeptSnapshot { limits: *limits, store, interface, snapshot, _slot: slot })
            }
            Err(malformed) => Err(OpenError::Malformed(malformed.message)),
        }
    }

    /// The number of instances that answer at a time: as many as there are processors. A call from a
    /// snapshot does not wait for anything, so more would gain nothing.
    pub fn copies(&self) -> usize {
        self.loaded.copies
    }

    /// The number of snapshots that are kept now: at most twice [`copies`](Self::copies).
    pub fn kept(&self) -> usize {
        (self.loaded.copies * 2).saturating_sub(self.loaded.slots.available_permits())
    }

    /// The number of snapshots that have been opened so far, each in an instance of its own.
    pub fn opened(&self) -> u64 {
        self.loaded.opened.load(Ordering::Relaxed)
    }

    /// The limits of one call.
    pub fn call_limits(&self) -> CallLimits {
        self.loaded.limits
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standalone").field("kept", &self.kept()).finish_non_exhaustive()
    }
}

/// The error for a snapshot that cannot be opened.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The component did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The documents are not a catalog: which one, which field, and why.
    #[error("{0}")]
    Malformed(String),
}

/// An instance that keeps one snapshot.
pub struct KeptSnapshot {
    limits: CallLimits,
    store: Store<Memory>,
    interface: snapshot::Guest,
    snapshot: ResourceAny,
    // Fields are dropped in this order: the slot is free when the memory is.
    _slot: OwnedSemaphorePermit,
}

impl KeptSnapshot {
    /// The memory that the instance has, in bytes: what it has needed at most so far.
    pub fn memory(&self) -> usize {
        self.store.data().used()
    }

    /// Answers one HTTP request. After an error, or if the call was dropped, the instance is of no
    /// further use.
    ///
    /// # Errors
    ///
    /// When the component does not answer. Its own errors are responses.
    pub async fn handle(&mut self, request: &Request) -> Result<Response, CallError> {
        let request = request.into();
        let guest = self.interface.snapshot();
        let call = guest.call_handle(&mut self.store, self.snapshot, &request);
        let answer = timeout(self.limits.timeout, call)
            .await
            .map_err(|_| CallError::TimedOut(self.limits.timeout))?;
        let snapshot::Response { status, headers, body, cause } =
            answer.map_err(|error| self.store.data().failure(&error))?;
        Ok(Response { status, headers, body, cause })
    }
}

impl From<&Request> for snapshot::Request {
    fn from(request: &Request) -> Self {
        let Request { method, target, headers, caller } = request.clone();
        let caller = match caller {
            Caller::Anonymous(roles) => types::Caller::Anonymous(roles),
            Caller::Authenticated(roles) => types::Caller::Authenticated(roles),
            Caller::Unauthenticated(challenge) => types::Caller::Unauthenticated(challenge),
        };
        Self { method, target, headers, caller }
    }
}
