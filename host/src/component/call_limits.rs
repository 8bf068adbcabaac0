//! Memory and time limits of one call.

use std::time::Duration;

use tokio::time::timeout;

use crate::CallError;

/// Memory and time limits of one call, and the number of calls at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// The memory of an instance, in bytes; an instance takes as much as its catalog needs. Default:
    /// 1 GiB, which suffices for any list that `store_bytes` permits.
    pub memory: usize,
    /// The timeout of a call, including the wait for a free instance. Default: 10 seconds.
    pub timeout: Duration,
    /// The length of the store's answer, in bytes, for the stores of this library. Default: 256 MiB.
    pub store_bytes: usize,
    /// The time that the store has for one answer. For the call, a store that takes longer is
    /// unavailable. Default: 5 seconds.
    pub store_timeout: Duration,
    /// The number of instances at a time; further calls wait. Their address space is reserved when
    /// the artifact is loaded. Default: 64.
    pub instances: u32,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory: 1 << 30,
            store_bytes: 256 << 20,
            timeout: Duration::from_secs(10),
            store_timeout: Duration::from_secs(5),
            instances: 64,
        }
    }
}

/// Waits for a call until its time is over.
pub(crate) async fn in_time<T, E: From<CallError>>(
    time: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(time, call).await.unwrap_or_else(|_| Err(CallError::TimedOut(time).into()))
}
