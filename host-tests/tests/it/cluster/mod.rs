//! A cluster's REST API as the store.

pub mod certificates;
mod command;
mod denied;
mod mirror;
mod serve;
mod store;
pub mod upstream;
