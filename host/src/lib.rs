//! Runs the modules API component on wasmtime, inside a program.
//!
//! A [`Plugin`] is an artifact, loaded once. A [`Service`] is a plugin over one store, a [`Ccs`]. It
//! answers each call in a fresh instance, within the [`CallLimits`] of memory and time.
//!
//! # Embedding the plugin
//!
//! ```
//! use async_trait::async_trait;
//! use ccs_modules_host::{CallLimits, Caller, Ccs, CcsError, Plugin, Request, artifacts};
//!
//! /// The store of the program. This one has one module, which never changes.
//! struct OneModule;
//!
//! const DOCUMENT: &str = r#"{"module_name":"bf","semantic_version":"8.0.1","uid":"1","version":80001}"#;
//!
//! #[async_trait]
//! impl Ccs for OneModule {
//!     async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
//!         Ok(vec![DOCUMENT.into()])
//!     }
//!
//!     async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
//!         Ok((uid == "1").then(|| DOCUMENT.into()))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Load the component once. Its compiled code is kept on disk for the next start.
//! let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default())?;
//! let service = plugin.service(OneModule);
//!
//! // A typed call. The program has authenticated its caller, who has these roles.
//! let modules = service.list_modules(&["db_viewer"]).await?;
//! assert_eq!(modules[0].module_name.as_deref(), Some("bf"));
//! assert_eq!(modules[0].version, Some(80001));
//!
//! // An HTTP request. The program sends the response back.
//! let response = service
//!     .handle(&Request {
//!         method: "GET".into(),
//!         target: "/v1/modules/1".into(),
//!         headers: vec![],
//!         caller: Caller::Authenticated(vec!["db_viewer".into()]),
//!     })
//!     .await?;
//! assert_eq!(response.status, 200);
//! assert_eq!(response.body, format!("{DOCUMENT}\n"));
//! # Ok(())
//! # }
//! ```
//!
//! Calls run on a tokio runtime, of either flavour, whose timer is enabled.
//!
//! # Errors
//!
//! A call succeeds, or fails with a [`CallError`] that names the limit it reached. No answer of a
//! store makes the plugin trap. If the plugin traps all the same, only that call fails.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod artifacts;
mod ccs;
mod component;
mod file_metrics;
pub mod files;
mod last_good;
pub mod mirror;
mod net;
pub mod server;
pub mod stores;
pub mod traces;

pub use ccs_modules::StoreError as CcsError;

pub use crate::artifacts::{bake, compose};
pub use crate::ccs::Ccs;
pub use crate::component::{
    CallError, CallLimits, Caller, CatalogError, ChosenModule, Fitting, FittingRule, Instance,
    KeptSnapshot, LoadError, Module, OpenError, OtherModule, Plugin, Request, Response, Service,
    Standalone,
};
