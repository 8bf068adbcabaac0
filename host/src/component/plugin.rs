//! A loaded artifact.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::component::bindings;
use crate::component::bindings::exports::ccs::modules::{catalog, lookup, rest};
use crate::component::engine::{self, Compiled};
use crate::component::state::State;
use crate::component::ticker::Ticker;
use crate::{CallLimits, Ccs, LoadError, Service};

/// An artifact, compiled and linked. Clones share it.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) component: InstancePre<State>,
    pub(crate) catalog: catalog::GuestIndices,
    pub(crate) lookup: lookup::GuestIndices,
    pub(crate) rest: rest::GuestIndices,
    pub(crate) limits: CallLimits,
    pub(crate) slots: Arc<Semaphore>,
    started: Arc<AtomicU64>,
}

impl Plugin {
    /// Loads a component of the world `plugin`.
    ///
    /// The first load on a machine compiles the component, and blocks until that is done. The compiled
    /// code is kept in the folder `ccs-modules/compiled` of the user's cache folder. Later loads by the
    /// same version of wasmtime with the same settings use it.
    ///
    /// # Errors
    ///
    /// When the engine does not start, or `wasm` is not such a component.
    pub fn load(wasm: &[u8], limits: CallLimits) -> Result<Self, LoadError> {
        let Compiled { engine, ticker, component } = engine::compile(wasm, limits)?;
        let no_plugin = |error| LoadError::World(format!("{error:#}"));
        let component = link(&component).map_err(no_plugin)?;
        Ok(Self {
            catalog: catalog::GuestIndices::new(&component).map_err(no_plugin)?,
            lookup: lookup::GuestIndices::new(&component).map_err(no_plugin)?,
            rest: rest::GuestIndices::new(&component).map_err(no_plugin)?,
            engine,
            ticker,
            component,
            limits,
            slots: Arc::new(Semaphore::new(limits.instances as usize)),
            started: Arc::default(),
        })
    }

    /// The plugin over the store `ccs`.
    pub fn service(&self, ccs: impl Ccs + 'static) -> Service {
        Service::new(self.clone(), Arc::new(ccs))
    }

    /// The limits of one call.
    pub fn call_limits(&self) -> CallLimits {
        self.limits
    }

    /// The number of instances that have been started so far.
    pub fn instances_started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// The engine, for benchmarks of other components in it. Not part of the stable API.
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
    bindings::Components::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    linker.instantiate_pre(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts;
    use crate::component::engine::Needs;

    #[test]
    fn the_plugin_needs_what_is_reserved_for_it() {
        let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
        assert_eq!(Needs::of(plugin.component.component()), Some(Needs::PLUGIN));
    }
}
