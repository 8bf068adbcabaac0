//! The parts of the benchmark suite that need no clock: the catalogs, the meter of a guest, and the serde
//! structs of every native twin.

#![forbid(unsafe_code)]

pub mod catalog;
pub mod meter;
pub mod quiet;
pub mod structs;
