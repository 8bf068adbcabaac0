//! The instances that answer requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::{CallError, CallLimits, Instance, Request, Response, Service};

/// The instance that answers a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instances {
    /// A fresh instance for each request.
    #[default]
    Fresh,
    /// An instance that keeps its memory from request to request.
    Reused,
}

/// The plugin and its instances.
pub(super) struct Plugin {
    service: Service,
    pool: Option<Pool>,
}

impl Plugin {
    pub(super) fn new(service: Service, instances: Instances, limits: CallLimits) -> Self {
        let pool = match instances {
            Instances::Fresh => None,
            Instances::Reused => Some(Pool::new(limits)),
        };
        Self { service, pool }
    }

    /// Handles one request.
    pub(super) async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        match &self.pool {
            None => self.service.handle(request).await,
            Some(pool) => pool.handle(&self.service, request).await,
        }
    }
}

/// Instances that wait for their next request.
struct Pool {
    idle: Mutex<Vec<Instance>>,
    // The host has room for as many instances, so a request with a turn does not wait there.
    turns: Semaphore,
    time: Duration,
}

impl Pool {
    fn new(limits: CallLimits) -> Self {
        let turns = Semaphore::new(limits.instances as usize);
        Self { idle: Mutex::default(), turns, time: limits.timeout }
    }

    async fn handle(&self, service: &Service, request: &Request) -> Result<Response, CallError> {
        let _turn = timeout(self.time, self.turns.acquire())
            .await
            .map_err(|_| CallError::TimedOut(self.time))?
            .map_err(|error| CallError::Host(error.to_string()))?;
        let idle = self.idle().pop();
        let mut instance = idle.unwrap_or_else(|| service.instance());
        let answer = instance.handle(request).await;
        if instance.memory() <= KEPT_BYTES {
            self.idle().push(instance);
        }
        answer
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The largest memory with which an instance waits for its next call. An instance that has grown
/// larger, by a long list, is dropped: to start another one takes a small part of the time that such
/// a list takes.
const KEPT_BYTES: usize = 4 << 20;
