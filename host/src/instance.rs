//! One instance, and a call to it.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime::{Store, component};

use crate::state::State;
use crate::{Bounds, CallError, Ccs, Host, Module, Request, Response};

/// An instance that keeps its memory from call to call. It is made at its first call.
///
/// Calls are faster than those of a [`Service`](crate::Service), and a plugin keeps nothing
/// between them, so the answers are the same. An instance that failed in any other way than with
/// [`CallError::Answered`], or whose call was dropped, is replaced by a new one at the next call.
pub struct Instance {
    host: Host,
    ccs: Arc<dyn Ccs>,
    live: Option<Live>,
}

/// An instance that has been made.
struct Live {
    store: Store<State>,
    instance: component::Instance,
    // Given back after the store has given back its memory: fields are dropped in this order.
    _slot: OwnedSemaphorePermit,
}

impl Instance {
    pub(crate) fn new(host: Host, ccs: Arc<dyn Ccs>) -> Self {
        Self { host, ccs, live: None }
    }

    /// Every module, in the store's order, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// [`CallError::Answered`] where the plugin says no; the others where it does not answer.
    pub async fn list_modules<R: AsRef<str>>(
        &mut self,
        roles: &[R],
    ) -> Result<Vec<Module>, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |host, Live { store, instance, .. }| {
                let catalog = host.catalog.load(&mut *store, instance)?;
                catalog.call_list_modules(store, &roles).await
            })
            .await?;
        Ok(answer?)
    }

    /// The module with this uid, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn get_module<R: AsRef<str>>(
        &mut self,
        roles: &[R],
        uid: &str,
    ) -> Result<Module, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |host, Live { store, instance, .. }| {
                let catalog = host.catalog.load(&mut *store, instance)?;
                catalog.call_get_module(store, &roles, uid).await
            })
            .await?;
        Ok(answer?)
    }

    /// Answers one HTTP request.
    ///
    /// # Errors
    ///
    /// Where the plugin does not answer. Its own errors are responses.
    pub async fn handle(&mut self, request: &Request) -> Result<Response, CallError> {
        self.call(async |host, Live { store, instance, .. }| {
            host.rest.load(&mut *store, instance)?.call_handle(store, request).await
        })
        .await
    }

    /// One call within its bounds. The live instance is put back only by a call that ended well.
    async fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&Host, &mut Live) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let bounds = self.host.bounds;
        let bounded = timeout(bounds.time, async {
            let mut live = match self.live.take() {
                Some(live) => live,
                None => Live::new(&self.host, self.ccs.clone()).await?,
            };
            let answer = call(&self.host, &mut live)
                .await
                .map_err(|error| failure(&error, &live.store, bounds))?;
            self.live = Some(live);
            Ok(answer)
        });
        bounded.await.unwrap_or(Err(CallError::TimedOut(bounds.time)))
    }
}

impl Live {
    async fn new(host: &Host, ccs: Arc<dyn Ccs>) -> Result<Self, CallError> {
        let slot = host
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| CallError::Host(error.to_string()))?;
        host.count_instance();
        let mut store = Store::new(&host.engine, State::new(ccs, host.bounds));
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let instance = host
            .plugin
            .instantiate_async(&mut store)
            .await
            .map_err(|error| failure(&error, &store, host.bounds))?;
        Ok(Self { store, instance, _slot: slot })
    }
}

/// Which bound the instance hit, or what else went wrong.
fn failure(error: &wasmtime::Error, store: &Store<State>, bounds: Bounds) -> CallError {
    if store.data().memory_refused() {
        CallError::MemoryExhausted(bounds.memory)
    } else {
        CallError::from_wasmtime(error)
    }
}

fn owned<R: AsRef<str>>(roles: &[R]) -> Vec<String> {
    roles.iter().map(|role| role.as_ref().to_owned()).collect()
}
