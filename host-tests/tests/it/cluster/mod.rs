//! A cluster's REST API as the store.

mod certificates;
mod command;
mod store;
mod upstream;
