//! The stores that come with the host. All can be read, and the Redis store can be written.

mod checked_catalog;
mod cluster;
mod connect;
mod deadline;
mod demo;
mod file;
mod http_client;
mod redis;
mod scripted;
mod snapshot;
mod stream;
mod tls;

pub use ccs_modules::{SnapshotError, SyntaxError};

pub use self::checked_catalog::CheckedCatalog;
pub use self::cluster::{Cluster, ClusterAddress, ClusterAddressError, read_credentials};
pub use self::demo::demo;
pub use self::file::File;
pub(crate) use self::http_client::HttpClient;
pub use self::redis::{Changes, Redis, RedisAddress, RedisAddressError};
pub use self::scripted::Scripted;
pub use self::snapshot::Snapshot;
