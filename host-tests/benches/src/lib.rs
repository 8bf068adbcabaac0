//! What the benchmark suite measures with, apart from the clock: the catalogues, the guest's own meter, and
//! the serde structs that every native twin is made of.

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod meter;
pub mod structs;
