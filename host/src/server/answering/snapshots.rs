//! Instances that keep a snapshot of the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::context::FutureExt as _;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ccs::in_time;
use crate::server::metrics::KeptCatalog;
use crate::{CallError, Ccs, CcsError, KeptSnapshot, OpenError, Request, Response, Standalone};

/// The settings of instances that keep a snapshot of the store.
#[derive(Clone, Debug)]
pub struct KeptSettings {
    /// The component.
    pub standalone: Standalone,
    /// The age up to which a snapshot answers without asking the store whether it has changed. Zero:
    /// each request asks.
    pub max_age: Duration,
    /// The age up to which a snapshot answers while the store fails. Zero: the store's error is the
    /// answer at once.
    pub stale_if_error: Duration,
}

/// A snapshot of the store that instances keep, and that is replaced after the store has changed.
///
/// All new copies are made before they take the place of those before. So an answer shows one moment of
/// the store, and no more than two snapshots take memory.
#[derive(Clone)]
pub(in crate::server) struct Kept {
    settings: KeptSettings,
    ccs: Arc<dyn Ccs>,
    checked: Arc<Mutex<Checked>>,
    /// Locked while the store is asked: calls at the same time share one answer.
    checking: Arc<AsyncMutex<()>>,
    metrics: KeptCatalog,
}

/// The result of asking the store.
#[derive(Clone, Default)]
struct Checked {
    /// When the store was asked last.
    at: Option<Instant>,
    content: Content,
    /// When the store was asked last and had this content.
    confirmed: Option<Instant>,
    /// The version of the store that has this content.
    version: Option<u64>,
    /// The failure of the store, if it failed the last time.
    failure: Option<Failure>,
}

/// A failure of the store, which is logged once.
#[derive(Clone, PartialEq, Eq)]
struct Failure {
    why: String,
    /// Whether the last good catalog answers.
    serves_last: bool,
}

/// The content of the store.
#[derive(Clone, Default)]
pub(super) enum Content {
    /// A catalog, kept by instances.
    Catalog(Arc<Copies>),
    /// An error of the store.
    Failed(CcsError),
    /// Documents that cannot be kept, since they are malformed.
    #[default]
    NotKept,
    /// Documents that take more memory than an instance may have: the limit, in bytes.
    TooLarge(usize),
}

impl Kept {
    pub(super) fn new(settings: KeptSettings, ccs: Arc<dyn Ccs>, metrics: KeptCatalog) -> Self {
        Self { settings, ccs, checked: Arc::default(), checking: Arc::default(), metrics }
    }

    /// The content of the store, at most as old as the settings permit.
    pub(super) async fn content(&self) -> Content {
        let asked = Instant::now();
        let checked = self.checked().clone();
        let max_age = self.max_age(&checked);
        if checked.is_within(max_age, asked) {
            // The store is asked early, so that under load no request waits for it.
            if !checked.is_within(max_age / 2, asked)
                && let Ok(checking) = self.checking.clone().try_lock_owned()
            {
                tokio::spawn(self.clone().check(checking));
            }
            return checked.content;
        }
        let checking = self.checking.clone().lock_owned().await;
        let checked = self.checked().clone();
        if checked.is_within(self.max_age(&checked), asked) {
            return checked.content;
        }
        // A task of its own: a client that disconnects does not end it. It belongs to the trace of the
        // request that waits for it.
        let check = tokio::spawn(self.clone().check(checking).with_current_context()).await;
        check.unwrap_or_else(|error| Content::Failed(CcsError::Other(error.to_string())))
    }

    /// The age up to which the content answers without asking the store. A failure is shared by the
    /// requests that wait for it, and by no later one: the store may be back.
    fn max_age(&self, checked: &Checked) -> Duration {
        match checked.content {
            Content::Failed(_) => Duration::ZERO,
            Content::Catalog(_) | Content::NotKept | Content::TooLarge(_) => self.settings.max_age,
        }
    }

    /// Asks the store whether it has changed, and keeps its content.
    async fn check(self, _checking: OwnedMutexGuard<()>) -> Content {
        let now = Instant::now();
        let before = self.checked().clone();
        let checked = match self.read(&before).await {
            Ok((version, copies)) => {
                if before.failure.is_some() {
                    tracing::info!("the store answers again");
                }
                let content = Content::Catalog(copies);
                Checked { at: Some(now), content, confirmed: Some(now), version, failure: None }
            }
            Err((content, why)) => {
                let serves_last = before.may_answer(now, self.settings.stale_if_error);
                let failure = Some(Failure { why, serves_last });
                if before.failure != failure
                    && let Some(failure) = &failure
                {
                    failure.log(&self.ccs.name());
                }
                let content = if serves_last { before.content } else { content };
                Checked { at: Some(now), content, failure, ..before }
            }
        };
        let content = checked.content.clone();
        let confirmed = checked.confirmed.filter(|_| matches!(content, Content::Catalog(_)));
        self.metrics.set(confirmed, checked.failure.is_some());
        *self.checked() = checked;
        content
    }

    /// Reads the store: its version, and the copies of its content, new ones if it has changed.
    async fn read(
        &self,
        before: &Checked,
    ) -> Result<(Option<u64>, Arc<Copies>), (Content, String)> {
        let standalone = &self.settings.standalone;
        let known = match &before.content {
            Content::Catalog(copies) => Some(copies),
            Content::Failed(_) | Content::NotKept | Content::TooLarge(_) => None,
        };
        let read = async {
            let version = self.ccs.version().await?;
            if let Some(known) = known
                && version.is_some()
                && version == before.version
            {
                return Ok((version, Err(known.clone())));
            }
            Ok((version, Ok(self.ccs.list_documents().await?)))
        };
        let store_timeout = standalone.call_limits().store_timeout;
        let (version, documents) = in_time(&*self.ccs, store_timeout, read)
            .await
            .map_err(|error| (Content::Failed(error.clone()), error.reason().to_owned()))?;
        let documents = match documents {
            Ok(documents) => documents,
            Err(known) => return Ok((version, known)),
        };
        if let Some(known) = known
            && known.are_of(&documents)
        {
            return Ok((version, known.clone()));
        }
        let copies = Copies::open(standalone, documents).await;
        copies.map(|copies| (version, Arc::new(copies))).map_err(|error| match error {
            OpenError::Call(CallError::MemoryExhausted(limit)) => {
                (Content::TooLarge(limit), error.to_string())
            }
            error => (Content::NotKept, error.to_string()),
        })
    }

    fn checked(&self) -> MutexGuard<'_, Checked> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checked {
    /// Whether the store was asked so shortly before a call that began at `asked`, or after.
    fn is_within(&self, age: Duration, asked: Instant) -> bool {
        self.at.is_some_and(|at| at + age >= asked)
    }

    /// Whether this content may answer while the store fails.
    fn may_answer(&self, now: Instant, stale_if_error: Duration) -> bool {
        matches!(self.content, Content::Catalog(_))
            && self.confirmed.is_some_and(|confirmed| now < confirmed + stale_if_error)
    }
}

impl Failure {
    fn log(&self, store: &str) {
        let Self { why, serves_last } = self;
        match serves_last {
            true => tracing::warn!(store, %why, "the store fails; the last good catalog is served"),
            false => {
                tracing::error!(store, %why, "the store fails, and there is no catalog to serve");
            }
        }
    }
}

/// Instances that keep the same snapshot.
pub(super) struct Copies {
    standalone: Standalone,
    documents: Arc<[String]>,
    idle: Mutex<Vec<KeptSnapshot>>,
    /// One for each instance.
    permits: Semaphore,
}

impl Copies {
    /// Opens the snapshot of these documents in every instance.
    async fn open(standalone: &Standalone, documents: Vec<Vec<u8>>) -> Result<Self, OpenError> {
        let documents = documents
            .into_iter()
            .map(String::from_utf8)
            .collect::<Result<Arc<[String]>, _>>()
            .map_err(|error| OpenError::Malformed(error.to_string()))?;
        let mut opening = JoinSet::new();
        for _ in 0..standalone.copies() {
            let (standalone, documents) = (standalone.clone(), documents.clone());
            opening.spawn(async move { standalone.open(&documents).await });
        }
        let mut idle = Vec::with_capacity(standalone.copies());
        while let Some(opened) = opening.join_next().await {
            idle.push(opened.map_err(|error| CallError::Host(error.to_string()))??);
        }
        Ok(Self {
            standalone: standalone.clone(),
            documents,
            permits: Semaphore::new(idle.len()),
            idle: idle.into(),
        })
    }

    /// Whether these are the documents of the snapshot.
    fn are_of(&self, documents: &[Vec<u8>]) -> bool {
        self.documents.len() == documents.len()
            && self.documents.iter().zip(documents).all(|(kept, found)| kept.as_bytes() == found)
    }

    /// Answers one request.
    pub(super) async fn handle(&self, request: &Request) -> Result<Response, CallError> {
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|error| CallError::Host(error.to_string()))?;
        let idle = self.idle().pop();
        let mut snapshot = match idle {
            Some(snapshot) => snapshot,
            // One was lost, by a call that failed or that its client gave up.
            None => self.standalone.open(&self.documents).await.map_err(CallError::from)?,
        };
        let response = snapshot.handle(request).await?;
        self.idle().push(snapshot);
        Ok(response)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<KeptSnapshot>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<OpenError> for CallError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Call(error) => error,
            OpenError::Malformed(reason) => Self::Host(reason),
        }
    }
}
