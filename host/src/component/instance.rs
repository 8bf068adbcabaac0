//! One instance of the plugin.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, component};

use crate::component::memory;
use crate::component::state::State;
use crate::{CallError, Ccs, Fitting, Module, Plugin, Request, Response};

/// An instance that keeps its memory from call to call. Its first call starts it.
///
/// Its calls are faster than those of a [`Service`](crate::Service), and have the same results: a
/// plugin keeps no state between calls. The next call starts a new instance after a call that was
/// dropped or failed with any error but [`CallError::Answered`].
pub struct Instance {
    plugin: Plugin,
    ccs: Arc<dyn Ccs>,
    live: Option<Live>,
}

/// An instance that has been started.
struct Live {
    store: Store<State>,
    instance: component::Instance,
    // Fields are dropped in this order: the slot is free when the memory is.
    _slot: OwnedSemaphorePermit,
}

impl Instance {
    pub(crate) fn new(plugin: Plugin, ccs: Arc<dyn Ccs>) -> Self {
        Self { plugin, ccs, live: None }
    }

    /// Lists every module, in the store's order, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// [`CallError::Answered`] if the plugin answers with an error, another error if it does not answer.
    pub async fn list_modules<R: AsRef<str>>(
        &mut self,
        roles: &[R],
    ) -> Result<Vec<Module>, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |plugin, Live { store, instance, .. }| {
                let catalog = plugin.catalog.load(&mut *store, instance)?;
                catalog.call_list_modules(store, &roles).await
            })
            .await?;
        Ok(answer?)
    }

    /// Returns the module with this uid, for a caller with these management roles.
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
            .call(async |plugin, Live { store, instance, .. }| {
                let catalog = plugin.catalog.load(&mut *store, instance)?;
                catalog.call_get_module(store, &roles, uid).await
            })
            .await?;
        Ok(answer?)
    }

    /// Finds the modules of a name, newest first. `version` is the semantic version, its beginning, or
    /// the version as one number.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn find_modules<R: AsRef<str>>(
        &mut self,
        roles: &[R],
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<Module>, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |plugin, Live { store, instance, .. }| {
                let lookup = plugin.lookup.load(&mut *store, instance)?;
                lookup.call_find_modules(store, &roles, name, version).await
            })
            .await?;
        Ok(answer?)
    }

    /// Lists the newest module of each name, in the order of the list.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn latest_modules<R: AsRef<str>>(
        &mut self,
        roles: &[R],
    ) -> Result<Vec<Module>, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |plugin, Live { store, instance, .. }| {
                let lookup = plugin.lookup.load(&mut *store, instance)?;
                lookup.call_latest_modules(store, &roles).await
            })
            .await?;
        Ok(answer?)
    }

    /// Returns, for each name, the module that a database of this Redis version gets, such as `7.4`.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn fitting_modules<R: AsRef<str>>(
        &mut self,
        roles: &[R],
        redis_version: &str,
    ) -> Result<Vec<Fitting>, CallError> {
        let roles = owned(roles);
        let answer = self
            .call(async |plugin, Live { store, instance, .. }| {
                let lookup = plugin.lookup.load(&mut *store, instance)?;
                lookup.call_fitting_modules(store, &roles, redis_version).await
            })
            .await?;
        Ok(answer?)
    }

    /// Answers one HTTP request.
    ///
    /// # Errors
    ///
    /// When the plugin does not answer. The plugin's own errors are responses.
    pub async fn handle(&mut self, request: &Request) -> Result<Response, CallError> {
        self.call(async |plugin, Live { store, instance, .. }| {
            plugin.rest.load(&mut *store, instance)?.call_handle(store, request).await
        })
        .await
    }

    /// The memory that the instance has, in bytes: 0 before its first call. An instance keeps what its
    /// largest call has needed.
    pub fn memory(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.store.data().memory.used())
    }

    /// Runs one call within its limits. Only a call that the plugin has answered keeps the instance.
    async fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&Plugin, &mut Live) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let plugin = &self.plugin;
        let call = async {
            let mut live = match self.live.take() {
                Some(live) => live,
                None => Live::new(plugin, self.ccs.clone()).await?,
            };
            let answer = call(plugin, &mut live)
                .await
                .map_err(|error| live.store.data().memory.failure(&error))?;
            self.live = Some(live);
            Ok(answer)
        };
        plugin.ticker.in_time(plugin.limits.timeout, call).await
    }
}

impl Live {
    async fn new(plugin: &Plugin, ccs: Arc<dyn Ccs>) -> Result<Self, CallError> {
        let slot = plugin
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| CallError::Host(error.to_string()))?;
        plugin.count_instance();
        let state = State::new(ccs, plugin.limits);
        let mut store = memory::limited(&plugin.engine, state, |state| &mut state.memory);
        let instance = plugin
            .component
            .instantiate_async(&mut store)
            .await
            .map_err(|error| store.data().memory.failure(&error))?;
        Ok(Self { store, instance, _slot: slot })
    }
}

fn owned<R: AsRef<str>>(roles: &[R]) -> Vec<String> {
    roles.iter().map(|role| role.as_ref().to_owned()).collect()
}
