//! The components, run on wasmtime: the plugin over a store, and snapshots in instances.

mod bindings;
mod call_limits;
mod engine;
mod error;
mod instance;
mod memory;
mod plugin;
mod service;
mod standalone;
mod state;
mod ticker;

pub use self::bindings::exports::ccs::modules::types::{
    Caller, ChosenModule, Error as CatalogError, Fitting, FittingRule, Module, OtherModule,
    Request, Response,
};
pub use self::call_limits::CallLimits;
pub(crate) use self::call_limits::in_time;
pub use self::error::{CallError, LoadError};
pub use self::instance::Instance;
pub use self::plugin::Plugin;
pub use self::service::Service;
pub use self::standalone::{KeptSnapshot, OpenError, Standalone};
