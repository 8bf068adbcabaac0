//! Whether the store answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::Error;
use ccs_modules::rest::ErrorResponse;

use crate::ccs::in_time;
use crate::server::error;
use crate::{Ccs, CcsError};

/// Whether the store answers. Anybody may ask this, so the store is asked once at a time. Meanwhile
/// others get the previous result; before the first result the store counts as not ready.
pub(super) struct Readiness {
    ccs: Arc<dyn Ccs>,
    store_timeout: Duration,
    asking: Arc<tokio::sync::Mutex<()>>,
    last: Arc<Mutex<Option<Checked>>>,
}

impl Readiness {
    pub(super) fn new(ccs: Arc<dyn Ccs>, store_timeout: Duration) -> Self {
        Self { ccs, store_timeout, asking: Arc::default(), last: Arc::default() }
    }

    pub(super) async fn check(&self) -> Checked {
        if let Ok(asking) = self.asking.clone().try_lock_owned() {
            let (ccs, last, store_timeout) =
                (self.ccs.clone(), self.last.clone(), self.store_timeout);
            // A prober that gives up does not end this task, and its result counts.
            let asked = tokio::spawn(async move {
                // A cheap question: no document has an empty uid.
                let answer = in_time(&*ccs, store_timeout, ccs.get_document("")).await;
                let result = answer.as_ref().map(|_| ()).map_err(not_ready);
                let before = locked(&last).replace(result);
                match (before, answer) {
                    (None | Some(Ok(())), Err(error)) => {
                        tracing::warn!(why = error.reason(), "not ready: the store fails");
                    }
                    (Some(Err(_)), Ok(_)) => tracing::info!("ready: the store answers again"),
                    _ => {}
                }
                drop(asking);
            });
            if asked.await.is_err() {
                // The store panicked.
                *locked(&self.last) = Some(Err(error::not_ready()));
            }
        }
        locked(&self.last).clone().unwrap_or_else(|| Err(error::not_ready()))
    }
}

/// The response to the probe while the store fails with this error. It does not contain the store's text:
/// anybody may ask.
pub(super) fn not_ready(error: &CcsError) -> ErrorResponse {
    match error {
        CcsError::TooLong(_) => Error::Store(CcsError::TooLong(String::new())).into(),
        _ => error::not_ready(),
    }
}

/// The result of asking the store.
type Checked = Result<(), ErrorResponse>;

fn locked(last: &Mutex<Option<Checked>>) -> MutexGuard<'_, Option<Checked>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn probers_that_give_up_do_not_keep_a_stalled_store_ready() {
        let store = Arc::new(StallsOnDemand::default());
        let readiness = Readiness::new(store.clone(), Duration::from_millis(10));
        assert_eq!(readiness.check().await, Ok(()));

        store.stalls.store(true, Ordering::Relaxed);
        let one_in_time = async {
            loop {
                // The first one gives up while it waits; the second one is told the last result.
                tokio::select! {
                    biased;
                    ready = readiness.check() => if ready.is_err() { break },
                    ready = readiness.check() => if ready.is_err() { break },
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
