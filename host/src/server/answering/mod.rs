//! How requests are answered.

mod snapshots;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::rest::ErrorResponse;
use tokio::sync::Semaphore;

use self::snapshots::{Content, Kept};
use crate::component::in_time;
use crate::mirror::ClusterMirror;
use crate::server::readiness::not_ready;
use crate::server::{Metrics, error};
use crate::stores::Scripted;
use crate::{CallError, CallLimits, Ccs, Instance, Plugin, Request, Response, Service, Standalone};

pub use self::snapshots::KeptSettings;

/// How the requests of a server are answered.
#[derive(Clone, Debug, Default)]
pub enum Answering {
    /// By a fresh instance of the plugin for each request.
    #[default]
    Fresh,
    /// By an instance that keeps a snapshot of the store. While the store has no catalog that can be
    /// kept, by an instance of the plugin that is reused.
    Kept(KeptSettings),
    /// By a mirror of a cluster, from memory, without an instance and without the store of the server.
    Mirrored(ClusterMirror),
    /// By an instance of the plugin that keeps its memory from request to request.
    Reused,
}

impl Answering {
    /// The component whose instances keep a snapshot, if they do.
    pub(super) fn standalone(&self) -> Option<&Standalone> {
        match self {
            Self::Kept(KeptSettings { standalone, .. }) => Some(standalone),
            Self::Fresh | Self::Mirrored(_) | Self::Reused => None,
        }
    }

    /// The mirror that answers, if one does.
    pub(super) fn mirror(&self) -> Option<&ClusterMirror> {
        match self {
            Self::Mirrored(mirror) => Some(mirror),
            Self::Fresh | Self::Kept(_) | Self::Reused => None,
        }
    }
}

/// One of the ways to answer the requests of a server.
pub(super) enum Answerer {
    Fresh(Service),
    Kept(Kept, Pool),
    Mirrored { mirror: ClusterMirror, time: Duration },
    Reused(Pool),
}

impl Answerer {
    pub(super) fn new(
        plugin: &Plugin,
        ccs: Arc<dyn Ccs>,
        answering: Answering,
        metrics: &Metrics,
    ) -> Self {
        let service = plugin.service(ccs.clone());
        let limits = plugin.call_limits();
        match answering {
            Answering::Fresh => Self::Fresh(service),
            Answering::Kept(settings) => Self::Kept(
                Kept::new(settings, ccs, metrics.kept_catalog.clone()),
                Pool::new(service, limits),
            ),
            Answering::Mirrored(mirror) => Self::Mirrored { mirror, time: limits.timeout },
            Answering::Reused => Self::Reused(Pool::new(service, limits)),
        }
    }

    /// Handles one request.
    pub(super) async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        match self {
            Self::Fresh(service) => service.handle(request).await,
            Self::Kept(kept, pool) => {
                let answer = async {
                    match kept.content().await {
                        Content::Catalog(copies) => copies.handle(request).await,
                        Content::Failed(error) => {
                            pool.service.over(Scripted::Fails(error)).handle(request).await
                        }
                        Content::NotKept | Content::TooLarge(_) => pool.handle(request).await,
                    }
                };
                in_time(pool.time, answer).await
            }
            Self::Mirrored { mirror, time } => {
                in_time(*time, async { Ok(mirror.handle(request).await) }).await
            }
            Self::Reused(pool) => pool.handle(request).await,
        }
    }

    /// Whether there is a catalog to answer from, and why not; none if the store has to be asked.
    pub(super) async fn has_catalog(&self) -> Option<Result<(), ErrorResponse>> {
        let kept = match self {
            Self::Kept(kept, _) => kept,
            Self::Mirrored { mirror, .. } if mirror.is_ready() => return Some(Ok(())),
            Self::Mirrored { .. } => return Some(Err(error::not_ready())),
            Self::Fresh(_) | Self::Reused(_) => return None,
        };
        Some(match kept.content().await {
            Content::Catalog(_) => Ok(()),
            Content::Failed(error) => Err(not_ready(&error)),
            Content::NotKept => Err(error::not_ready()),
            Content::TooLarge(limit) => Err(error::memory_exhausted(limit)),
        })
    }
}

/// Instances of the plugin that wait for their next request.
pub(super) struct Pool {
    service: Service,
    idle: Mutex<Vec<Instance>>,
    // The plugin has room for as many instances, so a request with a permit does not wait there.
    permits: Semaphore,
    time: Duration,
}

impl Pool {
    fn new(service: Service, limits: CallLimits) -> Self {
        let permits = Semaphore::new(limits.instances as usize);
        Self { service, idle: Mutex::default(), permits, time: limits.timeout }
    }

    async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        let permit = async {
            self.permits.acquire().await.map_err(|error| CallError::Host(error.to_string()))
        };
        let _permit = in_time(self.time, permit).await?;
        let idle = self.idle().pop();
        let mut instance = idle.unwrap_or_else(|| self.service.instance());
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
