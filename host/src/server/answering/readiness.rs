//! Whether requests can be answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ccs_modules::Error;
use ccs_modules::rest::ErrorResponse;

use super::Answering;
use crate::ccs::in_time;
use crate::server::error;
use crate::{CcsError, Service};

/// Whether requests can be answered: from a catalog that is kept, or by the store. Every client may ask this,
/// so the store is asked once at a time. Meanwhile others get the previous result; before the first result
/// the store counts as not ready.
pub(in crate::server) struct Readiness {
    answering: Answering,
    asking: Arc<tokio::sync::Mutex<()>>,
    last: Arc<Mutex<Option<Checked>>>,
}

impl Readiness {
    pub(in crate::server) fn new(answering: Answering) -> Self {
        Self { answering, asking: Arc::default(), last: Arc::default() }
    }

    pub(in crate::server) async fn check(&self) -> Checked {
        match &self.answering {
            Answering::Component(service) => self.check_store(service).await,
            Answering::Mirror(mirror) => {
                mirror.status().freshness.map(|_| ()).map_err(|error| not_ready(&error))
            }
        }
    }

    async fn check_store(&self, service: &Service) -> Checked {
        if let Ok(asking) = self.asking.clone().try_lock_owned() {
            let (service, last) = (service.clone(), self.last.clone());
            // A prober that gives up does not end this task, and its result counts.
            let asked = tokio::spawn(async move {
                let (ccs, time) = (service.ccs(), service.plugin().call_limits().store_timeout);
                // A cheap question: no document has an empty uid.
                let answer = in_time(&**ccs, time, ccs.get_document("")).await;
                let result = answer.clone().map(|_| ()).map_err(|error| not_ready(&error.into()));
                let before = locked(&last).replace(result);
                match (before, answer) {
                    (None | Some(Ok(())), Err(error)) => {
                        tracing::warn!(reason = error.reason(), "not ready: the store fails");
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

/// The response to the probe while requests fail with this error. It does not contain the store's text,
/// because every client may ask.
fn not_ready(error: &Error) -> ErrorResponse {
    match error {
        Error::Store(CcsError::TooLong(_)) => Error::Store(CcsError::TooLong(String::new())).into(),
        _ => error::not_ready(),
    }
}

/// The result of the check.
type Checked = Result<(), ErrorResponse>;

fn locked(last: &Mutex<Option<Checked>>) -> MutexGuard<'_, Option<Checked>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::{CallLimits, Ccs, Plugin, artifacts};

    #[tokio::test]
    async fn probers_that_give_up_do_not_keep_a_stalled_store_ready() {
        let store = Arc::new(StallsOnDemand::default());
        let limits =
            CallLimits { store_timeout: Duration::from_millis(10), ..CallLimits::default() };
        let plugin = Plugin::load(&artifacts::PLUGIN.wasm, limits).unwrap();
        let readiness = Readiness::new(plugin.service(store.clone()).into());
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
