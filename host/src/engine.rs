//! The engine: how code is compiled, kept and interrupted.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use etcetera::BaseStrategy;
use wasmtime::{Cache, CacheConfig, Config, Engine, PoolingAllocationConfig};

use crate::{Bounds, LoadError};

/// How long a guest runs before it lets others run, and before its bound on time is looked at.
const TICK: Duration = Duration::from_millis(10);

/// An engine with the instances of `bounds` reserved, and its clock ticking.
pub(crate) fn start(bounds: Bounds) -> Result<Engine, LoadError> {
    let mut config = Config::new();
    config
        .allocation_strategy(pool(bounds.instances))
        .cache(cache())
        .concurrency_support(false)
        .epoch_interruption(true);
    let engine = Engine::new(&config).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    tick(&engine).map_err(|error| LoadError::Engine(error.to_string()))?;
    Ok(engine)
}

/// Room for so many instances. The factors allow for components that are composed of several.
fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(16))
        .total_memories(instances.saturating_mul(4))
        .total_tables(instances.saturating_mul(8))
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE);
    pool
}

/// How much of an instance's memory the next one in its place finds in place, in bytes: what a call
/// has written to is written back, and not given to the kernel, which is slow to give it again. More
/// than a list of a usual cluster takes.
const KEPT_MEMORY: usize = 512 << 10;

/// The same of a table.
const KEPT_TABLE: usize = 16 << 10;

/// Compiled code on disk, in the user's cache folder, under a key made of the artifact, the
/// compiler and its settings. Without such a folder, or one that is this user's own, each start
/// compiles: slower, and right.
fn cache() -> Option<Cache> {
    let folder = cache_folder()?;
    make_private(&folder).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).ok()
}

/// A folder for nothing else: wasmtime, when it cleans up, removes what it does not know.
fn cache_folder() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.cache_dir().join("ccs-modules").join("compiled"))
}

/// Makes a folder that nobody else may write to: what is in it is run.
#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

    const OWNER_ONLY: u32 = 0o700;
    fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(OWNER_ONLY))
}

/// The folders of a user are private already.
#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Counts the engine's epoch up for as long as the engine lives.
fn tick(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("epoch".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}
