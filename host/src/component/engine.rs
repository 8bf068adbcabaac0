//! The wasmtime engine: it compiles code, keeps it on disk, and interrupts it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use etcetera::BaseStrategy;
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig, Config, Engine, PoolingAllocationConfig};

use crate::component::ticker::Ticker;
use crate::{CallLimits, LoadError};

/// The memories and tables that one instance of a component has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

impl Needs {
    /// The needs of the plugin.
    pub(crate) const PLUGIN: Self = Self { memories: 1, tables: 2 };

    /// Returns the needs of any component; `None` if they are unknown.
    pub(crate) fn of(component: &Component) -> Option<Self> {
        let needed = component.resources_required()?;
        Some(Self { memories: needed.num_memories, tables: needed.num_tables })
    }

    /// Whether a pool for these has room for `others`.
    pub(crate) fn cover(self, others: Self) -> bool {
        self.memories >= others.memories && self.tables >= others.tables
    }
}

/// A component, and the engine that runs it.
pub(crate) struct Compiled {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) component: Component,
}

/// Compiles the component in an engine that has room for its instances, and starts its ticker. The room for
/// an instance is known only then. If it is more than the plugin's, a second engine is started, which finds
/// the compiled code on disk.
pub(crate) fn compile(wasm: &[u8], limits: CallLimits) -> Result<Compiled, LoadError> {
    let compile_with = |needs| {
        let engine = start(limits, needs)?;
        let component = Component::from_binary(&engine, wasm)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        Ok((engine, component))
    };
    let (mut engine, mut component) = compile_with(Needs::PLUGIN)?;
    if let Some(needs) = Needs::of(&component)
        && !Needs::PLUGIN.cover(needs)
    {
        (engine, component) = compile_with(needs)?;
    }

    let ticker = Ticker::start(&engine).map_err(|error| LoadError::Engine(error.to_string()))?;
    Ok(Compiled { engine, ticker, component })
}

/// Starts an engine that has memory reserved for the instances of `limits`, each with these `needs`.
fn start(limits: CallLimits, needs: Needs) -> Result<Engine, LoadError> {
    let mut config = Config::new();
    config
        .allocation_strategy(pool(limits.instances, needs))
        .cache(cache())
        .concurrency_support(false)
        .epoch_interruption(true);
    Engine::new(&config).map_err(|error| {
        let addresses = u64::from(limits.instances) * u64::from(needs.memories) * 4;
        LoadError::Engine(format!("{error:#} (it needs {addresses} GiB of addresses: `ulimit -v`)"))
    })
}

/// A pool for this number of instances. It reserves the address space of each memory, 4 GiB and its guards.
/// Core instances are only counted, so there are enough for components that are composed of several.
fn pool(instances: u32, needs: Needs) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(16))
        .total_memories(instances.saturating_mul(needs.memories))
        .total_tables(instances.saturating_mul(needs.tables))
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE);
    pool
}

/// The part of an instance's memory that stays mapped for the next instance, in bytes. Its pages are
/// cleared instead of being returned to the kernel, which takes long to map them again. The list of a
/// usual cluster needs less.
const KEPT_MEMORY: usize = 512 << 10;

/// The part of a table that stays mapped, in bytes.
const KEPT_TABLE: usize = 16 << 10;

/// The cache of compiled code, in the user's cache folder. Its keys are made of the artifact, the
/// compiler and its settings. Without a cache folder that belongs to this user alone, each start compiles.
fn cache() -> Option<Cache> {
    let folder = cache_folder()?;
    make_private(&folder).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).ok()
}

/// The folder of the cache. It contains nothing else: wasmtime removes files that it does not know.
fn cache_folder() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.cache_dir().join("ccs-modules").join("compiled"))
}

/// Creates a folder that only this user can write to, since the code in it is run. Fails if the folder or
/// the one above it is a link or belongs to another user, who could put code there. For example, `sudo` can keep the
/// home folder of the user who calls it.
#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

    const OWNER_ONLY: u32 = 0o700;
    fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(folder)?;
    let this_user = rustix::process::geteuid().as_raw();
    for folder in folder.ancestors().take(2) {
        let found = fs::symlink_metadata(folder)?;
        if !found.is_dir() || found.uid() != this_user {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(())
}

/// Creates the folder. On other systems the folders of a user are private already.
#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use wasmtime::Store;
    use wasmtime::component::Linker;

    use super::*;

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
        let Compiled { engine, component, .. } = compile(&wasm, limits).unwrap();
        assert_eq!(Needs::of(&component), Some(Needs { memories: 2, tables: 2 }));
        let instances: Vec<_> = (0..2)
            .map(|_| {
                let mut store = Store::new(&engine, ());
                let linker = Linker::new(&engine);
                linker.instantiate(&mut store, &component).unwrap();
                store
            })
            .collect();
        assert_eq!(instances.len(), 2);
    }
}
