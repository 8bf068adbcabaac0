//! The panic handler.
//!
//! Without `std` an artifact imports only what its world imports, and contains no code that formats
//! panic messages: it is half as large.

/// Traps. No input of a caller or of a store reaches a panic; if one is reached after all, the
/// host sees the trap and does not take it for an answer.
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
