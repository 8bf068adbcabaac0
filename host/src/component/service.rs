//! The plugin over one store.

use std::sync::Arc;

use crate::stores::{MeasuredStore, StoreMetrics};
use crate::{CallError, Ccs, Fitting, Instance, Module, Plugin, Request, Response};

/// The plugin over one store. Each call runs in a fresh instance, and calls may run at the same time.
/// Clones share the plugin and the store.
#[derive(Clone)]
pub struct Service {
    plugin: Plugin,
    ccs: Arc<dyn Ccs>,
}

impl Service {
    pub(crate) fn new(plugin: Plugin, ccs: Arc<dyn Ccs>) -> Self {
        Self { plugin, ccs }
    }

    /// The same service, whose store is measured.
    pub(crate) fn measured(self, metrics: StoreMetrics) -> Self {
        Self { ccs: Arc::new(MeasuredStore::new(self.ccs, metrics)), ..self }
    }

    pub(crate) fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    pub(crate) fn ccs(&self) -> &Arc<dyn Ccs> {
        &self.ccs
    }

    /// Lists every module, in the store's order, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// [`CallError::Answered`] if the plugin answers with an error, another error if it does not answer.
    pub async fn list_modules<R: AsRef<str>>(&self, roles: &[R]) -> Result<Vec<Module>, CallError> {
        self.instance().list_modules(roles).await
    }

    /// Returns the module with this uid, for a caller with these management roles.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn get_module<R: AsRef<str>>(
        &self,
        roles: &[R],
        uid: &str,
    ) -> Result<Module, CallError> {
        self.instance().get_module(roles, uid).await
    }

    /// Finds the modules of a name, newest first: see [`Instance::find_modules`].
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn find_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<Module>, CallError> {
        self.instance().find_modules(roles, name, version).await
    }

    /// Lists the newest module of each name, in the order of the list.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn latest_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
    ) -> Result<Vec<Module>, CallError> {
        self.instance().latest_modules(roles).await
    }

    /// Returns, for each name, the module that a database of this Redis version gets.
    ///
    /// # Errors
    ///
    /// As for [`list_modules`](Self::list_modules).
    pub async fn fitting_modules<R: AsRef<str>>(
        &self,
        roles: &[R],
        redis_version: &str,
    ) -> Result<Vec<Fitting>, CallError> {
        self.instance().fitting_modules(roles, redis_version).await
    }

    /// Answers one HTTP request.
    ///
    /// # Errors
    ///
    /// When the plugin does not answer. The plugin's own errors are responses.
    pub async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        self.instance().handle(request).await
    }

    /// Makes an instance for more than one call.
    pub fn instance(&self) -> Instance {
        Instance::new(self.plugin.clone(), self.ccs.clone())
    }
}
