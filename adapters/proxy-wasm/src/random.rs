//! Randomness, by the one call of WASI preview 1 that Proxy-Wasm has for it.

/// Returns 32 bytes that nobody can predict, or `None` if the proxy gives no randomness.
#[allow(unsafe_code)]
pub fn key() -> Option<[u8; 32]> {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        fn random_get(to: *mut u8, bytes: usize) -> i32;
    }

    let mut key = [0; 32];
    // SAFETY: the proxy writes so many bytes, and the key has them.
    let status = unsafe { random_get(key.as_mut_ptr(), key.len()) };
    (status == 0).then_some(key)
}
