//! What a `no_std` adapter needs to be a program: an allocator and a panic handler.
//!
//! Without `std` an artifact has no imports but its world's, and no code that formats panic
//! messages: half the size. An adapter takes it in with `use ccs_modules_runtime as _;`.

#![cfg(target_family = "wasm")]
#![no_std]

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Nothing a caller or a store sends reaches a panic. If one is reached after all, the instance
/// traps, and the host tells that from an answer.
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
