//! Whether the store answers, for whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::Ccs;

/// Whether the store answers. Anybody may ask that, so the store is asked once at a time; who comes
/// meanwhile is told what was found the last time, and at first that it does not.
pub(super) struct Readiness {
    ccs: Arc<dyn Ccs>,
    store_time: Duration,
    asking: Mutex<()>,
    answered: AtomicBool,
}

impl Readiness {
    pub(super) fn new(ccs: Arc<dyn Ccs>, store_time: Duration) -> Self {
        Self { ccs, store_time, asking: Mutex::default(), answered: AtomicBool::new(false) }
    }

    pub(super) async fn is_ready(&self) -> bool {
        if let Ok(_asking) = self.asking.try_lock() {
            // A cheap question: nothing has an empty uid.
            let answer = timeout(self.store_time, self.ccs.get_document("")).await;
            self.answered.store(answer.is_ok_and(|answer| answer.is_ok()), Ordering::Relaxed);
        }
        self.answered.load(Ordering::Relaxed)
    }
}
