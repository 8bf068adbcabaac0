//! The plugin, in wasmtime.

use std::sync::OnceLock;
use std::time::Duration;

use ccs_modules_host::{CallError, CallLimits, Instance, Plugin, artifacts};

use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// Runs a case twice in one instance and once in a fresh one, to find effects of one call on the
/// next. A case that compares catalogs is not run: the plugin has no catalog.
pub async fn run(case: &Case) -> Vec<Outcome> {
    if matches!(case.call(), Ready::Differences { .. }) {
        return Vec::new();
    }
    let service = loaded().service(case.store());
    let (mut reused, mut fresh) = (service.instance(), service.instance());
    let call = case.call();
    vec![
        self::call(&call, &mut reused).await,
        self::call(&call, &mut reused).await,
        self::call(&call, &mut fresh).await,
    ]
}

/// One call.
pub async fn call(call: &Ready, instance: &mut Instance) -> Outcome {
    match call {
        Ready::ListModules { roles } => {
            Outcome::of_list(answered(instance.list_modules(roles).await))
        }
        Ready::GetModule { roles, uid } => {
            Outcome::of_module(answered(instance.get_module(roles, uid).await))
        }
        Ready::FindModules { roles, name, version } => {
            let found = instance.find_modules(roles, name, version.as_deref()).await;
            Outcome::of_list(answered(found))
        }
        Ready::LatestModules { roles } => {
            Outcome::of_list(answered(instance.latest_modules(roles).await))
        }
        Ready::FittingModules { roles, redis_version } => {
            Outcome::of_fitting(answered(instance.fitting_modules(roles, redis_version).await))
        }
        Ready::Differences { .. } => unreachable!("the plugin has no catalog"),
        Ready::Handle(request) => {
            let response = instance.handle(request).await.expect("the plugin answers");
            Outcome::of_response(response.status, response.headers, response.body)
        }
    }
}

/// The plugin, loaded once for all tests.
pub fn loaded() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        // Scripted stores answer at once or never. The cases name this time.
        let limits =
            CallLimits { store_timeout: Duration::from_millis(50), ..CallLimits::default() };
        Plugin::load(&artifacts::PLUGIN.wasm, limits).expect("the plugin loads")
    })
}

/// The plugin's own answer. A failure of the host fails the test.
fn answered<T>(outcome: Result<T, CallError>) -> Result<T, ccs_modules_host::CatalogError> {
    match outcome {
        Ok(answer) => Ok(answer),
        Err(CallError::Answered(error)) => Err(error),
        Err(error) => panic!("no answer: {error}"),
    }
}
