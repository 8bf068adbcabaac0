//! The allocator and the panic handler of every adapter without the standard library.
//!
//! There is nothing to call here. An adapter links both with `use ccs_modules_base as _;`, or by way of
//! `ccs-modules-guest`, which does so.

#![cfg(target_family = "wasm")]
#![no_std]

mod heap;
mod program;
