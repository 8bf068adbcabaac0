//! The standalone component: snapshots that instances keep.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{InstancePre, Linker, ResourceAny};
use wasmtime::{Engine, Store, Trap};

use crate::component::bindings::exports::ccs::modules::snapshot;
use crate::component::engine::{self, Compiled};
use crate::component::memory::{self, Memory};
use crate::component::ticker::{self, Ticker};
use crate::{CallError, CallLimits, LoadError, Request, Response};

/// The standalone component, compiled and linked. Clones share it.
///
/// Its instances keep snapshots: a catalog is checked once, when it is opened, and each call is
/// answered from what was checked.
///
/// ```
/// use ccs_modules_host::{CallLimits, Caller, Request, Standalone, artifacts};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let standalone = Standalone::load(&artifacts::STANDALONE.wasm, CallLimits::default())?;
/// let mut snapshot = standalone.open(&[r#"{"uid":"a"}"#.into(), r#"{"uid":"b"}"#.into()]).await?;
/// let response = snapshot.handle(&Request {
///     method: "GET".into(),
///     target: "/v1/modules/b".into(),
///     headers: vec![],
///     caller: Caller::Authenticated(vec!["db_viewer".into()]),
/// })?;
/// assert_eq!((response.status, &*response.body), (200, "{\"uid\":\"b\"}\n"));
///
/// let refused = standalone.open(&[r#"{"uid":7}"#.into()]).await.map(|_| ()).unwrap_err();
/// assert!(refused.to_string().starts_with("document at index 0: field uid: a number"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Standalone {
    loaded: Arc<Loaded>,
}

/// The compiled component, and its instances.
struct Loaded {
    engine: Engine,
    ticker: Ticker,
    component: InstancePre<Memory>,
    snapshot: snapshot::GuestIndices,
    limits: CallLimits,
    slots: Arc<Semaphore>,
}

impl Standalone {
    /// Loads a component of the world `standalone`, as [`Plugin::load`](crate::Plugin::load) loads a
    /// plugin.
    ///
    /// # Errors
    ///
    /// When the engine does not start, or `wasm` is not such a component.
    pub fn load(wasm: &[u8], limits: CallLimits) -> Result<Self, LoadError> {
        let Compiled { engine, ticker, component } = engine::compile(wasm, limits)?;
        let wrong_world = |error| LoadError::World(format!("{error:#}"));
        let component = Linker::new(&engine).instantiate_pre(&component).map_err(wrong_world)?;
        let loaded = Loaded {
            snapshot: snapshot::GuestIndices::new(&component).map_err(wrong_world)?,
            engine,
            ticker,
            component,
            limits,
            slots: Arc::new(Semaphore::new(limits.instances as usize)),
        };
        Ok(Self { loaded: Arc::new(loaded) })
    }

    /// Opens a snapshot of these documents in an instance of its own. It waits until fewer snapshots
    /// are kept than [`CallLimits::instances`].
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] if the documents are not a catalog.
    pub async fn open(&self, documents: &[String]) -> Result<KeptSnapshot, OpenError> {
        let Loaded { ticker, limits, .. } = &*self.loaded;
        ticker.in_time(limits.timeout, self.open_in_time(documents)).await
    }

    async fn open_in_time(&self, documents: &[String]) -> Result<KeptSnapshot, OpenError> {
        let Loaded { engine, ticker, component, limits, slots, .. } = &*self.loaded;
        let slots = slots.clone();
        let slot =
            slots.acquire_owned().await.map_err(|error| CallError::Host(error.to_string()))?;

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
                // From now on its calls are ended at their deadline, and wait for nothing before.
                store.epoch_deadline_trap();
                let (limits, ticker) = (*limits, ticker.clone());
                Ok(KeptSnapshot { limits, ticker, store, interface, snapshot, _slot: slot })
            }
            Err(malformed) => Err(OpenError::Malformed(malformed.message)),
        }
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
    ticker: Ticker,
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

    /// Answers one HTTP request. It blocks the thread until then, for [`CallLimits::timeout`] at most, and
    /// takes up to 512 KiB of its stack. The shipped component takes microseconds, and longer for a long
    /// list. After an error the instance is of no further use.
    ///
    /// # Errors
    ///
    /// When the component does not answer. Its own errors are responses.
    pub fn handle(&mut self, request: &Request) -> Result<Response, CallError> {
        let _ticking = self.ticker.run();
        let timeout = self.limits.timeout;
        self.store.set_epoch_deadline(ticker::ticks(timeout));

        let guest = self.interface.snapshot();
        let answer = guest.call_handle(&mut self.store, self.snapshot, request);
        answer.map_err(|error| match error.downcast_ref() {
            Some(Trap::Interrupt) => CallError::TimedOut(timeout),
            _ => self.store.data().failure(&error),
        })
    }
}
