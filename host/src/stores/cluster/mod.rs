//! A cluster as the store, by its REST API.

mod address;
mod credentials;
mod exchange;
mod refused;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::Limits;
use ccs_modules::body::split;
use ccs_modules::config;
use ccs_modules::upstream::{Call, Credentials, Exchange, Next, Request, Response, Upstream};
use tokio::sync::Semaphore;

use self::credentials::CredentialsFile;
use self::exchange::exchange;
use self::refused::Refused;
use crate::file_metrics::FileMetrics;
use crate::net::deadline::Deadline;
use crate::net::tls::{Connector, TlsFiles};
use crate::net::{HttpClient, NetError};
use crate::{CallLimits, Ccs, CcsError};

pub use self::address::{ClusterAddress, ClusterAddressError};
pub use self::credentials::{CredentialsError, read_credentials};

/// A cluster, which is asked over its REST API for each call. If a node fails, the next one is asked. A
/// cluster that refuses the credentials is asked twice in fifteen minutes with them.
pub struct Cluster {
    upstream: Upstream,
    client: HttpClient,
    /// The client for the credentials of others, which does not show the own certificate: the cluster could
    /// take it for theirs.
    client_of_others: HttpClient,
    /// Whether the cluster is asked without credentials.
    is_anonymous: bool,
    /// Whether it is asked with a certificate of the client.
    has_certificate: bool,
    credentials: Option<CredentialsFile>,
    refused: Refused,
    /// Permits for calls with credentials: two at a time.
    logins: Semaphore,
    time: Duration,
    files: FileMetrics,
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
        let files = FileMetrics::default();
        let (mut file, is_anonymous) = (None, credentials.is_none());
        if let Some(credentials) = credentials {
            let read = |path| CredentialsFile::new(path, credentials.clone(), files.clone());
            file = address.credentials().map(read);
            upstream = upstream.with_credentials(credentials);
        }

        let pair = address.certificate().map(|(cert, key)| [cert.to_owned(), key.to_owned()]);
        let has_certificate = pair.is_some();
        let client = |pair| {
            let tls = TlsFiles { ca: address.ca().map(Path::to_owned), pair };
            HttpClient::new(Connector::new(tls, files.clone()))
                .with_name(address.name().map(str::to_owned))
        };
        // The cluster could take our certificate for that of a caller.
        let (client, client_of_others) = (client(pair), client(None));

        let (refused, time) = (Refused::default(), store_timeout);
        let logins = Semaphore::new(2);
        Ok(Self {
            upstream,
            client,
            client_of_others,
            is_anonymous,
            has_certificate,
            credentials: file,
            refused,
            logins,
            time,
            files,
        })
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

    /// The metrics of the file with the credentials.
    pub(crate) fn files(&self) -> &FileMetrics {
        &self.files
    }

    /// Sends one request, and reads the whole response within the timeout.
    ///
    /// # Errors
    ///
    /// The reason, without the node and without credentials.
    pub(crate) async fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Response, NetError> {
        let credentials = self.credentials().await;
        let response = self.send_with(request, credentials.clone(), timeout).await?;
        if let 401 | 403 = response.status {
            self.refused.note(credentials, Some(&CcsError::Denied(String::new())));
        }
        Ok(response)
    }

    /// Sends a request with the credentials that are in it, and with nothing that the cluster knows the store by.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub(crate) async fn send_as_it_is(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Response, NetError> {
        exchange(&self.client_of_others, request, timeout).await
    }

    async fn send_with(
        &self,
        request: &Request,
        credentials: Option<Credentials>,
        timeout: Duration,
    ) -> Result<Response, NetError> {
        match credentials {
            None => exchange(&self.client, request, timeout).await,
            Some(credentials) => {
                let request = request.clone().with_credentials(credentials);
                exchange(&self.client, &request, timeout).await
            }
        }
    }

    /// The credentials of the file, as it is now.
    async fn credentials(&self) -> Option<Credentials> {
        match &self.credentials {
            None => None,
            Some(file) => file.credentials().await,
        }
    }

    /// Whether there are other credentials than those of the last request, which may be tried.
    pub(crate) async fn has_new_credentials(&self) -> bool {
        let Some(file) = &self.credentials else { return false };
        let changed = file.changed().await;
        changed.is_some_and(|credentials| self.refused.check(&Some(credentials)).is_ok())
    }

    /// The reason why the cluster may have denied a request without credentials.
    fn missing_credentials(&self) -> &'static str {
        match self.has_certificate {
            true => "it was asked with the client certificate, and without credentials",
            false => {
                "it was asked without credentials, since neither REDIS_ENTERPRISE_USER nor \
                 REDIS_ENTERPRISE_TOKEN is set"
            }
        }
    }

    /// Makes a call, in which one node after the other is asked until one answers.
    async fn resolve<T>(&self, call: Call<'_, T>) -> Result<T, CcsError> {
        let credentials = self.credentials().await;
        // Calls that are made side by side may all be refused. Two of them lock no user.
        let _login = match self.is_anonymous {
            true => None,
            false => self.logins.acquire().await.ok(),
        };
        self.refused.check(&credentials)?;

        // If every node times out, there is time left to report it.
        let deadline = Deadline::with_time_to_report(self.time);
        let left = || deadline.left();

        let mut next = call.start(left());
        loop {
            next = match next {
                Next::Send(exchange) => {
                    let Exchange { request, timeout, .. } = &exchange;
                    match self.send_with(request, credentials.clone(), *timeout).await {
                        Ok(response) => exchange.answered(response, left()),
                        Err(error) => exchange.failed(&error.to_string(), left()),
                    }
                }
                Next::Done(outcome) => {
                    let outcome = outcome.map_err(|error| match error {
                        CcsError::Denied(reason) if self.is_anonymous => {
                            CcsError::Denied(format!("{reason}; {}", self.missing_credentials()))
                        }
                        error => error,
                    });
                    self.refused.note(credentials, outcome.as_ref().err());
                    return outcome;
                }
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
