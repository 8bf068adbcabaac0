//! A cluster as the store, by its REST API.

mod address;
mod client;
mod credentials;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::snapshot::{find, split};
use ccs_modules::upstream::{
    ConfigError, Credentials, ListAnswer, ModuleAnswer, Request, Response, Upstream,
};
use ccs_modules::{Limits, StoreError, SyntaxError};
use tokio::time::Instant;

use self::client::Client;
use crate::{CallLimits, Ccs, CcsError};

pub use self::address::{ClusterAddress, ClusterAddressError};
pub use self::credentials::read_credentials;

/// A cluster, which is asked over its REST API for each call. A node that fails is followed by the
/// next one.
pub struct Cluster {
    upstream: Upstream,
    client: Client,
    time: Duration,
}

impl Cluster {
    /// Makes a store of the cluster at this address.
    ///
    /// # Errors
    ///
    /// If two nodes are the same.
    pub fn new(
        address: &ClusterAddress,
        credentials: Option<Credentials>,
    ) -> Result<Self, ConfigError> {
        let CallLimits { store_timeout, memory, .. } = CallLimits::default();
        let mut upstream = Upstream::new(address.nodes().into())?.with_body_bytes(memory);
        if let Some(credentials) = credentials {
            upstream = upstream.with_credentials(credentials);
        }
        let client = Client::new(address.ca().map(Path::to_owned));
        Ok(Self { upstream, client, time: store_timeout })
    }

    /// Sets the timeout of a call, over all nodes. Default: as for [`CallLimits::store_timeout`].
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Sets the limit of a response's body, in bytes. Default: as for [`CallLimits::memory`], since no
    /// more than that can be listed.
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self { upstream: self.upstream.with_body_bytes(bytes), ..self }
    }

    /// Fetches the body of `GET /v1/modules`, as the first node that answers sends it.
    ///
    /// # Errors
    ///
    /// Each node, and why it did not answer.
    pub async fn body(&self) -> Result<Vec<u8>, CcsError> {
        self.ask(
            |node| self.upstream.list(node, None),
            |request, response| match self.upstream.read_list(request, response)? {
                ListAnswer::Body { body, .. } => match split(&body) {
                    Ok(_) => Ok(Answer::Done(body)),
                    Err(error) => Err(refused(request, &error)),
                },
                ListAnswer::Redirect(next) => Ok(Answer::Redirect(next)),
                ListAnswer::Unchanged { .. } => {
                    Err(request.failed("it answered 304 to a request without an entity tag"))
                }
            },
        )
        .await
    }

    /// The cluster's REST API, as a mirror asks it: each request has at most ten minutes.
    ///
    /// # Errors
    ///
    /// If the timeout is zero.
    pub(crate) fn upstream(&self) -> Result<Upstream, ConfigError> {
        self.upstream.clone().with_timeout(self.time.min(Duration::from_secs(600)))
    }

    /// Sends one request, and reads the whole response within the timeout.
    ///
    /// # Errors
    ///
    /// The reason in plain words, without the node and without credentials.
    pub(crate) async fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Response, String> {
        self.client.send(request, timeout).await
    }

    /// Asks one node after the other until one answers.
    async fn ask<T>(
        &self,
        request: impl Fn(usize) -> Option<Request>,
        read: impl Fn(&Request, Response) -> Result<Answer<T>, StoreError>,
    ) -> Result<T, CcsError> {
        // If every node times out, there is time left to report it.
        let deadline = Instant::now() + self.time * 9 / 10;
        let nodes = self.upstream.nodes().len();
        let mut failures = Vec::new();
        for node in 0..nodes {
            let Some(mut request) = request(node) else { continue };
            // A node that does not answer leaves time for the others.
            let others = u32::try_from(nodes - node).unwrap_or(u32::MAX);
            let turn = Instant::now() + deadline.duration_since(Instant::now()) / others;
            loop {
                let timeout = turn.duration_since(Instant::now());
                let answer = match self.client.send(&request, timeout).await {
                    Ok(response) => read(&request, response),
                    Err(why) => Err(request.failed(&why)),
                };
                match answer {
                    Ok(Answer::Done(answer)) => return Ok(answer),
                    Ok(Answer::Redirect(next)) => request = next,
                    Err(error) => {
                        failures.push(error);
                        break;
                    }
                }
            }
        }
        Err(joined(failures))
    }
}

/// The answer of a node.
enum Answer<T> {
    Done(T),
    Redirect(Request),
}

#[async_trait]
impl Ccs for Cluster {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        let body = self.body().await?;
        let documents = split(&body).map_err(|error| CcsError::Other(error.to_string()))?;
        Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        // No path leads to a uid that would change the path.
        if self.upstream.module(0, uid).is_none() {
            let documents = self.list_documents().await?;
            return Ok(find(&documents, uid, &Limits::default()).cloned());
        }
        self.ask(
            |node| self.upstream.module(node, uid),
            |request, response| {
                Ok(match self.upstream.read_module(request, response)? {
                    ModuleAnswer::Document(document) => Answer::Done(document),
                    ModuleAnswer::Redirect(next) => Answer::Redirect(next),
                })
            },
        )
        .await
    }
}

/// The error for a node whose list is none.
fn refused(request: &Request, error: &SyntaxError) -> StoreError {
    request.failed(&format!("the list is refused: {error}"))
}

/// The error for nodes that all failed: of the kind of the first failure, with every reason.
fn joined(failures: Vec<StoreError>) -> CcsError {
    let kind = match failures.first() {
        Some(StoreError::Denied(_)) => CcsError::Denied,
        Some(StoreError::Unavailable(_)) => CcsError::Unavailable,
        _ => CcsError::Other,
    };
    let texts: Vec<_> = failures.into_iter().map(text).collect();
    kind(texts.join("; "))
}

fn text(error: StoreError) -> String {
    match error {
        StoreError::Denied(text) | StoreError::Other(text) | StoreError::Unavailable(text) => text,
        error => error.to_string(),
    }
}
