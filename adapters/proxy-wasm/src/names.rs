//! The user names that a cluster has denied, which all workers of the proxy share.
//!
//! Redis locks a user after five failed logins. If each worker counted for itself, two of them would be enough for
//! that. So a worker writes a login down before it asks, by compare-and-swap on shared data.

use ccs_modules::access::{NameStore, Names, Turn};
use proxy_wasm::hostcalls;

use crate::random;

/// The names of one cluster, in 256 pages: the proxy never deletes a key, and copies a whole page.
pub struct SharedNames {
    prefix: String,
}

impl SharedNames {
    /// Opens the names of the cluster with this name.
    pub fn new(cluster: &str) -> Self {
        Self { prefix: format!("ccs-modules.{cluster}.names") }
    }
}

impl NameStore for SharedNames {
    fn change(
        &mut self,
        name: &[u8; 32],
        change: &mut dyn FnMut(&mut Names) -> Turn,
    ) -> Option<Turn> {
        let [page, ..] = name;
        let key = format!("{}.{page:02x}", self.prefix);
        for _ in 0..TRIES {
            let (bytes, version) = hostcalls::get_shared_data(&key).unwrap_or_default();
            let mut names = Names::from_bytes(&bytes.unwrap_or_default(), MOST_NAMES);
            let turn = change(&mut names);
            if turn != Turn::Free || write(&key, &names.to_bytes(), version) {
                return Some(turn);
            }
        }
        None
    }
}

/// Returns the key of the hashes. The first worker makes it, and all have the same one.
pub fn shared_key() -> Option<[u8; 32]> {
    const KEY: &str = "ccs-modules.key";
    let read = || hostcalls::get_shared_data(KEY).ok()?.0?.try_into().ok();
    read().or_else(|| {
        // If another worker is first, its key stays.
        write(KEY, &random::key()?, None);
        read()
    })
}

/// Writes a value, if it still has this version, or is still absent. Returns whether it was written.
fn write(key: &str, value: &[u8], version: Option<u32>) -> bool {
    // No value has this version, so the proxy writes only where there is none.
    const ABSENT: u32 = u32::MAX;
    hostcalls::set_shared_data(key, Some(value), Some(version.unwrap_or(ABSENT))).is_ok()
}

/// The most names of a page.
const MOST_NAMES: usize = 400;

/// The most attempts to write a page, while other workers write it too.
const TRIES: usize = 16;
