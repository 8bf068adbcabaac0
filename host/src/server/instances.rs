//! Which instance answers a request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::{Bounds, CallError, Instance, Request, Response, Service};

/// Which instance answers a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instances {
    /// Each request gets an instance of its own.
    #[default]
    Fresh,
    /// Requests take turns with instances that keep their memory.
    Reused,
}

/// The plugin, and the instances that it is run in.
pub(super) struct Plugin {
    service: Service,
    pool: Option<Pool>,
}

impl Plugin {
    pub(super) fn new(service: Service, instances: Instances, bounds: Bounds) -> Self {
        let pool = match instances {
            Instances::Fresh => None,
            Instances::Reused => Some(Pool::new(bounds)),
        };
        Self { service, pool }
    }

    /// Answers one request.
    pub(super) async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        match &self.pool {
            None => self.service.handle(request).await,
            Some(pool) => pool.handle(&self.service, request).await,
        }
    }
}

/// Instances that wait for their next call.
struct Pool {
    idle: Mutex<Vec<Instance>>,
    // As many turns as the host has room for instances: whoever has a turn never waits there.
    turns: Semaphore,
    time: Duration,
}

impl Pool {
    fn new(bounds: Bounds) -> Self {
        let turns = Semaphore::new(bounds.instances as usize);
        Self { idle: Mutex::default(), turns, time: bounds.time }
    }

    async fn handle(&self, service: &Service, request: &Request) -> Result<Response, CallError> {
        let _turn = timeout(self.time, self.turns.acquire())
            .await
            .map_err(|_| CallError::TimedOut(self.time))?
            .map_err(|error| CallError::Host(error.to_string()))?;
        let idle = self.idle().pop();
        let mut instance = idle.unwrap_or_else(|| service.instance());
        let answer = instance.handle(request).await;
        self.idle().push(instance);
        answer
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
