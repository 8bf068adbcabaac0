//! The instances that answer requests.

mod snapshots;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::rest::Refusal;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::snapshots::{Content, Held};
use crate::mirror::ClusterMirror;
use crate::server::Metrics;
use crate::server::readiness::not_ready;
use crate::stores::Scripted;
use crate::{CallError, CallLimits, Ccs, Host, Instance, Request, Response, Service, Standalone};

pub use self::snapshots::Holding;

/// The instance that answers a request.
#[derive(Clone, Debug, Default)]
pub enum Instances {
    /// A fresh instance of the plugin for each request.
    #[default]
    Fresh,
    /// An instance that holds a snapshot of the store. While the store has no catalog that can be held,
    /// an instance of the plugin that is reused.
    Held(Holding),
    /// A mirror of a cluster, which answers from memory, without an instance and without the store of
    /// the server.
    Mirrored(ClusterMirror),
    /// An instance of the plugin that keeps its memory from request to request.
    Reused,
}

impl Instances {
    /// The component whose instances hold a snapshot, if they do.
    pub(super) fn standalone(&self) -> Option<&Standalone> {
        match self {
            Self::Held(Holding { standalone, .. }) => Some(standalone),
            Self::Fresh | Self::Mirrored(_) | Self::Reused => None,
        }
    }

    /// The mirror that answers, if one does.
    pub(super) fn mirror(&self) -> Option<&ClusterMirror> {
        match self {
            Self::Mirrored(mirror) => Some(mirror),
            Self::Fresh | Self::Held(_) | Self::Reused => None,
        }
    }
}

/// The plugin over a store, and the instances that answer.
pub(super) struct Plugin {
    host: Host,
    service: Service,
    mode: Mode,
}

enum Mode {
    Fresh,
    Held(Held, Pool),
    Mirrored(ClusterMirror),
    Reused(Pool),
}

impl Plugin {
    pub(super) fn new(
        host: &Host,
        ccs: Arc<dyn Ccs>,
        instances: Instances,
        metrics: &Metrics,
    ) -> Self {
        let service = host.service(ccs.clone());
        let pool = || Pool::new(host.call_limits());
        let mode = match instances {
            Instances::Fresh => Mode::Fresh,
            Instances::Held(settings) => {
                Mode::Held(Held::new(settings, ccs, metrics.held_catalog.clone()), pool())
            }
            Instances::Mirrored(mirror) => Mode::Mirrored(mirror),
            Instances::Reused => Mode::Reused(pool()),
        };
        Self { host: host.clone(), service, mode }
    }

    /// Handles one request.
    pub(super) async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        match &self.mode {
            Mode::Fresh => self.service.handle(request).await,
            Mode::Held(held, pool) => {
                let time = self.host.call_limits().timeout;
                let answer = async {
                    match held.content().await {
                        Content::Catalog(set) => set.handle(request).await,
                        Content::Failed(error) => {
                            self.host.service(Scripted::Fails(error)).handle(request).await
                        }
                        Content::NotHeld | Content::TooLarge(_) => {
                            pool.handle(&self.service, request).await
                        }
                    }
                };
                timeout(time, answer).await.unwrap_or(Err(CallError::TimedOut(time)))
            }
            Mode::Mirrored(mirror) => {
                let time = self.host.call_limits().timeout;
                let answer = timeout(time, mirror.handle(request)).await;
                answer.map_err(|_| CallError::TimedOut(time))
            }
            Mode::Reused(pool) => pool.handle(&self.service, request).await,
        }
    }

    /// Whether there is a catalog to answer from, and why not; none if the store has to be asked.
    pub(super) async fn holds_catalog(&self) -> Option<Result<(), Refusal>> {
        let held = match &self.mode {
            Mode::Held(held, _) => held,
            Mode::Mirrored(mirror) if mirror.is_ready() => return Some(Ok(())),
            Mode::Mirrored(_) => return Some(Err(Refusal::NotReady)),
            Mode::Fresh | Mode::Reused(_) => return None,
        };
        Some(match held.content().await {
            Content::Catalog(_) => Ok(()),
            Content::Failed(error) => Err(not_ready(&error)),
            Content::NotHeld => Err(Refusal::NotReady),
            Content::TooLarge(limit) => Err(Refusal::MemoryExhausted { limit }),
        })
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
