//! A cluster's REST API as the store.

mod callers;
pub mod certificates;
mod command;
mod denied;
mod hardened;
mod mirror;
mod serve;
mod store;
pub mod upstream;
