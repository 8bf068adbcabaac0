//! Stores to read from, and one to write to.

mod catalogue;
mod demo;
mod file;
mod redis;
mod scripted;
mod snapshot;

pub use ccs_modules::SyntaxError;

pub use self::catalogue::Catalogue;
pub use self::demo::demo;
pub use self::file::File;
pub use self::redis::{Changes, Redis, RedisAddress, RedisAddressError};
pub use self::scripted::Scripted;
pub use self::snapshot::Snapshot;
