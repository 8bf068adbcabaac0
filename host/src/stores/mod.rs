//! The stores that come with the host. All can be read, and the Redis store can be written.

mod cluster;
mod demo;
mod documents;
mod file;
mod measured;
mod redis;
mod scripted;

pub use ccs_modules::{SnapshotError, SyntaxError};

pub use self::cluster::{
    Cluster, ClusterAddress, ClusterAddressError, CredentialsError, read_credentials,
};
pub use self::demo::demo;
pub use self::documents::Documents;
pub use self::file::File;
pub(crate) use self::measured::{MeasuredStore, SECONDS, StoreFailure, StoreMetrics};
pub use self::redis::{Changes, Redis, RedisAddress, RedisAddressError};
pub use self::scripted::Scripted;
