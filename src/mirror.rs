//! A mirror: the catalog of a cluster, kept fresh over the cluster's REST API, and kept when the
//! cluster does not answer.
//!
//! See [`Mirror`] for how a shell drives it.

mod cache_status;
mod config;
mod fetches;
mod kept;
mod reader;
mod schedule;
#[cfg(test)]
mod tests;
mod time;

pub use crate::mirror::config::Config;
pub use crate::mirror::fetches::{Fetch, FetchCounts, FetchId, Mirror, Outcome, Poll};
pub use crate::mirror::kept::{Freshness, Saved, View};
pub use crate::mirror::reader::Status;
pub use crate::mirror::time::Timestamp;
