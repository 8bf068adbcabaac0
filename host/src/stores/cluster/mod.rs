//! A cluster as the store, by its REST API.

mod address;
mod credentials;
mod exchange;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::Limits;
use ccs_modules::body::split;
use ccs_modules::config;
use ccs_modules::upstream::{Call, Credentials, Next, Request, Response, Upstream};
use tokio::time::Instant;

use self::credentials::CredentialsFile;
use self::exchange::exchange;
use crate::net::HttpClient;
use crate::{CallLimits, Ccs, CcsError};

pub use self::address::{ClusterAddress, ClusterAddressError};
pub use self::credentials::read_credentials;

/// A cluster, which is asked over its REST API for each call. A node that fails is followed by the
/// next one.
pub struct Cluster {
    upstream: Upstream,
    client: HttpClient,
    credentials: Option<CredentialsFile>,
    time: Duration,
}

impl Cluster {
    /// Makes a store of the cluster at this address. If the address names a file with credentials, they
    /// were read from there, and the file is read again for each request.
    ///
    /// # Errors
    ///
    /// If two nodes are the same.
    pub fn new(
        address: &ClusterAddress,
        credentials: Option<Credentials>,
    ) -> Result<Self, config::Error> {
        let CallLimits { store_timeout, memory, .. } = CallLimits::default();
        let mut upstream = Upstream::new(address.nodes().into())?.with_body_bytes(memory);
        let mut file = None;
        if let Some(credentials) = credentials {
            file = address.credentials().map(|it| CredentialsFile::new(it, credentials.clone()));
            upstream = upstream.with_credentials(credentials);
        }
        let client = HttpClient::new(address.ca().map(Path::to_owned));
        Ok(Self { upstream, client, credentials: file, time: store_timeout })
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
        self.resolve(self.upstream.list_call()).await
    }

    /// The cluster's REST API.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
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
        match &self.credentials {
            None => exchange(&self.client, request, timeout).await,
            Some(file) => {
                let request = request.clone().with_credentials(file.credentials().await);
                exchange(&self.client, &request, timeout).await
            }
        }
    }

    /// Makes a call, in which one node after the other is asked until one answers.
    async fn resolve<T>(&self, call: Call<'_, T>) -> Result<T, CcsError> {
        // If every node times out, there is time left to report it.
        let time = self.time * 9 / 10;
        let deadline = Instant::now() + time;
        let left = || deadline.duration_since(Instant::now());

        let mut next = call.start(time);
        loop {
            next = match next {
                Next::Send(exchange) => {
                    match self.send(&exchange.request, exchange.timeout).await {
                        Ok(response) => exchange.answered(response, left()),
                        Err(why) => exchange.failed(&why, left()),
                    }
                }
                Next::Done(outcome) => return outcome,
            }
        }
    }
}

#[async_trait]
impl Ccs for Cluster {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        let body = self.body().await?;
        let documents = split(&body).map_err(|error| CcsError::Other(error.to_string()))?;
        Ok(documents.into_iter().map(<[u8]>::to_vec).collect())
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.resolve(self.upstream.module_call(uid, &Limits::default())).await
    }

    fn name(&self) -> String {
        let nodes: Vec<_> = self.upstream.nodes().iter().map(ToString::to_string).collect();
        format!("the cluster at {}", nodes.join(", "))
    }
}
