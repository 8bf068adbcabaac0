//! Whether the store answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::Ccs;

/// Whether the store answers. Anybody may ask this, so the store is asked once at a time. Meanwhile
/// others get the previous result; before the first result the store counts as not ready.
pub(super) struct Readiness {
    ccs: Arc<dyn Ccs>,
    store_timeout: Duration,
    asking: Arc<Mutex<()>>,
    answered: Arc<AtomicBool>,
    asked_before: Arc<AtomicBool>,
}

impl Readiness {
    pub(super) fn new(ccs: Arc<dyn Ccs>, store_timeout: Duration) -> Self {
        Self {
            ccs,
            store_timeout,
            asking: Arc::default(),
            answered: Arc::default(),
            asked_before: Arc::default(),
        }
    }

    pub(super) async fn is_ready(&self) -> bool {
        if let Ok(asking) = self.asking.clone().try_lock_owned() {
            let (ccs, answered) = (self.ccs.clone(), self.answered.clone());
            let asked_before = self.asked_before.clone();
            let store_timeout = self.store_timeout;
            // A task of its own: a prober that gives up does not end it, and its result counts.
            let asked = tokio::spawn(async move {
                // A cheap question: no document has an empty uid.
                let failure = match timeout(store_timeout, ccs.get_document("")).await {
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the store did not answer in time".into()),
                };
                let answered_before = answered.swap(failure.is_none(), Ordering::Relaxed);
                let first = !asked_before.swap(true, Ordering::Relaxed);
                match failure {
                    Some(why) if answered_before || first => {
                        tracing::warn!(why, "not ready: the store fails");
                    }
                    None if !answered_before && !first => {
                        tracing::info!("ready: the store answers again");
                    }
                    _ => {}
                }
                drop(asking);
            });
            if asked.await.is_err() {
                // The store panicked.
                self.answered.store(false, Ordering::Relaxed);
            }
        }
        self.answered.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;
    use tokio::time::sleep;

    use super::*;
    use crate::CcsError;

    #[tokio::test]
    async fn probers_that_give_up_do_not_keep_a_stalled_store_ready() {
        let store = Arc::new(StallsOnDemand::default());
        let readiness = Readiness::new(store.clone(), Duration::from_millis(10));
        assert!(readiness.is_ready().await);

        store.stalls.store(true, Ordering::Relaxed);
        let one_in_time = async {
            loop {
                // The first one gives up while it waits; the second one is told the last result.
                tokio::select! {
                    biased;
                    ready = readiness.is_ready() => if !ready { break },
                    ready = readiness.is_ready() => if !ready { break },
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), one_in_time).await.expect("it is told as not ready");
    }

    #[derive(Default)]
    struct StallsOnDemand {
        stalls: AtomicBool,
    }

    #[async_trait]
    impl Ccs for StallsOnDemand {
        async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
            if self.stalls.load(Ordering::Relaxed) { pending().await } else { Ok(Vec::new()) }
        }

        async fn get_document(&self, _uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
            self.list_documents().await.map(|_| None)
        }
    }
}
