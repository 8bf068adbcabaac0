//! The start of an instance, without a call.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{ResourceLimiter, Result, Store, UpdateDeadline};

/// A component that is ready to be instantiated. Its imports are stubs, since it is never called.
pub struct Starter {
    component: InstancePre<AnyAmount>,
}

impl Starter {
    pub fn new(component: &Component) -> Result<Self> {
        let mut linker = Linker::new(component.engine());
        linker.define_unknown_imports_as_traps(component)?;
        Ok(Self { component: linker.instantiate_pre(component)? })
    }

    /// Starts an instance as the host does, interruptible and limited, and drops it.
    pub async fn start(&self) -> Result<()> {
        let mut store = Store::new(self.component.engine(), AnyAmount);
        store.limiter(|any| any);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        self.component.instantiate_async(&mut store).await?;
        Ok(())
    }
}

struct AnyAmount;

impl ResourceLimiter for AnyAmount {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}
