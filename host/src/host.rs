//! A loaded artifact.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::bindings::Plugin;
use crate::bindings::exports::ccs::modules::{catalog, rest};
use crate::engine::Needs;
use crate::state::State;
use crate::{CallLimits, Ccs, LoadError, Service, engine};

/// An artifact, compiled and linked. Clones share it.
#[derive(Clone)]
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) plugin: InstancePre<State>,
    pub(crate) catalog: catalog::GuestIndices,
    pub(crate) rest: rest::GuestIndices,
    pub(crate) limits: CallLimits,
    pub(crate) slots: Arc<Semaphore>,
    started: Arc<AtomicU64>,
}

impl Host {
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
        let (engine, component) = compile(wasm, limits)?;
        let no_plugin = |error| LoadError::World(format!("{error:#}"));
        let plugin = link(&component).map_err(no_plugin)?;
        Ok(Self {
            catalog: catalog::GuestIndices::new(&plugin).map_err(no_plugin)?,
            rest: rest::GuestIndices::new(&plugin).map_err(no_plugin)?,
            engine,
            plugin,
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

/// Compiles the component in an engine that has room for its instances. How much room an instance
/// takes is known only then: where it is more than the plugin's, a second engine is started, which
/// finds the compiled code on disk.
fn compile(wasm: &[u8], limits: CallLimits) -> Result<(Engine, Component), LoadError> {
    let compile_with = |needs| {
        let engine = engine::start(limits, needs)?;
        let component = Component::from_binary(&engine, wasm)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        Ok((engine, component))
    };
    let compiled = compile_with(Needs::PLUGIN)?;
    match Needs::of(&compiled.1) {
        Some(needs) if !Needs::PLUGIN.cover(needs) => compile_with(needs),
        _ => Ok(compiled),
    }
}

fn link(component: &Component) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::new(component.engine());
    Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    linker.instantiate_pre(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts;

    #[test]
    fn the_plugin_needs_what_is_reserved_for_it() {
        let host = Host::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
        assert_eq!(Needs::of(host.plugin.component()), Some(Needs::PLUGIN));
    }

    #[test]
    fn a_component_that_needs_more_gets_more() {
        let module = "(memory 1) (table 1 funcref)";
        let wasm = wat::parse_str(format!(
            "(component
                (core module $a {module}) (core instance (instantiate $a))
                (core module $b {module}) (core instance (instantiate $b)))"
        ))
        .unwrap();
        let limits = CallLimits { instances: 2, ..CallLimits::default() };
        let (engine, component) = compile(&wasm, limits).unwrap();
        assert_eq!(Needs::of(&component), Some(Needs { memories: 2, tables: 2 }));
        let instances: Vec<_> = (0..2)
            .map(|_| {
                let mut store = wasmtime::Store::new(&engine, ());
                let linker = Linker::new(&engine);
                linker.instantiate(&mut store, &component).unwrap();
                store
            })
            .collect();
        assert_eq!(instances.len(), 2);
    }
}
