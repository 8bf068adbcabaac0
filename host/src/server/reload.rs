//! Settings that are replaced while a server runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;

use crate::file_metrics::FileMetrics;
use crate::server::{Authenticator, ClientCa, Tls};

/// The access policy, the certificate and the authorities of clients of a running server. Clones belong to the
/// same server.
///
/// A connection keeps the certificates with which it was opened, its client's too. A request is checked against the policy
/// that is in force when its head has arrived.
#[derive(Clone)]
pub struct Reload {
    pub(super) access: Replaceable<Option<Authenticator>>,
    pub(super) tls: Replaceable<Option<TlsAcceptor>>,
    parts: Arc<Mutex<Parts>>,
    files: FileMetrics,
}

/// The parts of TLS, each of which can be replaced.
struct Parts {
    tls: Option<Tls>,
    client_ca: Option<ClientCa>,
}

impl Reload {
    pub(super) fn new(
        access: Option<Authenticator>,
        tls: Option<Tls>,
        client_ca: Option<ClientCa>,
        files: FileMetrics,
    ) -> Self {
        let (access, acceptor) = (Replaceable::new(access), Replaceable::new(None));
        let parts = Arc::new(Mutex::new(Parts { tls: None, client_ca }));
        let reload = Self { access, tls: acceptor, parts, files };
        if let Some(tls) = tls {
            reload.use_tls(tls);
        }
        reload
    }

    /// Replaces the access policy. If there is an error in place of a policy, the old one stays in force, which
    /// the log and the metrics show.
    pub fn replace_access(&self, policy: Result<Authenticator, impl fmt::Display>) {
        if let Some(policy) = self.read("access_policy", "the access policy", policy) {
            let policy = match self.access.get() {
                Some(old) => old.replaced_by(policy),
                None => policy,
            };
            self.access.replace(Some(policy));
        }
    }

    /// Replaces the certificate, or keeps the old one as [`replace_access`](Self::replace_access) does. A server
    /// that speaks plain HTTP speaks TLS on new connections then.
    pub fn replace_tls(&self, tls: Result<Tls, impl fmt::Display>) {
        if let Some(tls) = self.read("certificate", "the certificate", tls) {
            self.use_tls(tls);
        }
    }

    /// Replaces the authorities of clients, or keeps the old ones as [`replace_access`](Self::replace_access)
    /// does. They count on new connections.
    pub fn replace_client_ca(&self, client_ca: Result<ClientCa, impl fmt::Display>) {
        if let Some(client_ca) = self.read("client_ca", "the authority of clients", client_ca) {
            self.use_parts(|parts| parts.client_ca = Some(client_ca));
        }
    }

    fn use_tls(&self, tls: Tls) {
        tls.warn_if_invalid();
        self.files.certificate_expires(tls.not_after());
        self.use_parts(|parts| parts.tls = Some(tls));
    }

    fn use_parts(&self, replace: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        replace(&mut parts);
        let acceptor = parts.tls.as_ref().map(|tls| tls.acceptor(parts.client_ca.as_ref()));
        self.tls.replace(acceptor);
    }

    /// Logs and counts what was made of a file, and returns it if it can be used.
    fn read<T>(
        &self,
        file: &'static str,
        what: &str,
        made: Result<T, impl fmt::Display>,
    ) -> Option<T> {
        self.files.read(file, made.is_ok());
        match &made {
            Ok(_) => tracing::info!("{what} was read again"),
            Err(reason) => tracing::error!(%reason, "{what} stays as it was"),
        }
        made.ok()
    }
}

/// A value that is read by many and replaced as a whole.
#[derive(Clone)]
pub(super) struct Replaceable<T>(Arc<RwLock<T>>);

impl<T: Clone> Replaceable<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// Returns the present value.
    pub(super) fn get(&self) -> T {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
