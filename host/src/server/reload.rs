//! Settings that are replaced while a server runs.

use std::sync::{Arc, PoisonError, RwLock};

use ccs_modules::access::Policy;
use tokio_rustls::TlsAcceptor;

use crate::server::Tls;

/// The access policy and the certificate of a running server. Clones belong to the same server.
///
/// A connection keeps the certificate with which it was opened. A request is checked against the policy
/// that is in force when its head has arrived.
#[derive(Clone)]
pub struct Reload {
    pub(super) access: Replaceable<Option<Arc<Policy>>>,
    pub(super) tls: Replaceable<Option<TlsAcceptor>>,
}

impl Reload {
    pub(super) fn new(access: Option<Policy>, tls: Option<&Tls>) -> Self {
        Self {
            access: Replaceable::new(access.map(Arc::new)),
            tls: Replaceable::new(tls.map(Tls::acceptor)),
        }
    }

    /// Replaces the access policy.
    pub fn replace_access(&self, policy: Policy) {
        self.access.replace(Some(Arc::new(policy)));
    }

    /// Replaces the certificate. A server that speaks plain HTTP speaks TLS on new connections then.
    pub fn replace_tls(&self, tls: &Tls) {
        self.tls.replace(Some(tls.acceptor()));
    }
}

/// A value that is read by many and replaced as a whole.
#[derive(Clone)]
pub(super) struct Replaceable<T>(Arc<RwLock<T>>);

impl<T: Clone> Replaceable<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// Returns the value of now.
    pub(super) fn get(&self) -> T {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
