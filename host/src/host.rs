//! An artifact, loaded once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::bindings::Plugin;
use crate::bindings::exports::ccs::modules::{catalog, rest};
use crate::state::State;
use crate::{Bounds, Ccs, LoadError, Service, engine};

/// An artifact, compiled and linked, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) plugin: InstancePre<State>,
    pub(crate) catalog: catalog::GuestIndices,
    pub(crate) rest: rest::GuestIndices,
    pub(crate) bounds: Bounds,
    pub(crate) slots: Arc<Semaphore>,
    started: Arc<AtomicU64>,
}

impl Host {
    /// Loads a component of world `plugin`, from its bytes.
    ///
    /// The first load on a machine compiles it. Compiled code is kept in the folder `ccs-modules/compiled`
    /// of the user's cache folder, and used again by the same version of wasmtime with the same
    /// settings; anything else found there is compiled anew. Blocks while it compiles.
    ///
    /// # Errors
    ///
    /// Where the engine does not start, or `wasm` is not such a component.
    pub fn load(wasm: &[u8], bounds: Bounds) -> Result<Self, LoadError> {
        let engine = engine::start(bounds)?;
        let component = Component::from_binary(&engine, wasm)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let no_plugin = |error| LoadError::World(format!("{error:#}"));
        let plugin = link(&component).map_err(no_plugin)?;
        Ok(Self {
            catalog: catalog::GuestIndices::new(&plugin).map_err(no_plugin)?,
            rest: rest::GuestIndices::new(&plugin).map_err(no_plugin)?,
            engine,
            plugin,
            bounds,
            slots: Arc::new(Semaphore::new(bounds.instances as usize)),
            started: Arc::default(),
        })
    }

    /// The plugin over the store `ccs`.
    pub fn service(&self, ccs: impl Ccs + 'static) -> Service {
        Service::new(self.clone(), Arc::new(ccs))
    }

    /// What one call may use.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How many instances have been started so far.
    pub fn instances_started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// The engine, to measure other components in the same one. Not part of the library's promise.
    #[doc(hidden)]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn count_instance(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }
}

fn link(component: &Component) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::new(component.engine());
    Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    linker.instantiate_pre(component)
}
