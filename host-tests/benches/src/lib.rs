//! What the benchmark suite measures with, apart from the clock: the catalogs, the guest's own meter, and
//! the serde structs that every native twin is made of.

#![forbid(unsafe_code)]

pub mod catalog;
pub mod meter;
pub mod structs;
