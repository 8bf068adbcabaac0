//! Authentication: finds the sender of a request by a policy, or by asking a cluster.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ccs_modules::access::{Caller, Login, LoginOptions, Logins, Policy, Question};
use ccs_modules::rest::ErrorResponse;
use tokio::sync::Notify;

use crate::stores::Cluster;

/// The way in which a server finds out who sends a request.
#[derive(Clone)]
pub enum Authenticator {
    /// By a policy, from the header fields of the request and the certificate of the client.
    Policy(Arc<Policy>),
    /// By asking a cluster, which is shown the credentials of the request.
    Cluster(ClusterLogins),
}

impl Authenticator {
    /// Finds out who sent these header fields over a connection with a certificate of this subject, and the name
    /// of the user for a log, if there is one.
    ///
    /// # Errors
    ///
    /// An error response, if the cluster cannot be asked, or if this user may not be shown to it for some time.
    pub(super) async fn caller(
        &self,
        headers: &[(&str, &[u8])],
        subject: Option<&str>,
    ) -> Result<(Caller, Option<String>), ErrorResponse> {
        match self {
            Self::Policy(policy) => {
                let (caller, user) = policy.caller_and_user(headers, subject);
                Ok((caller, user.map(str::to_owned)))
            }
            Self::Cluster(logins) => logins.caller(headers).await,
        }
    }

    /// Returns the authenticator to use after the policy file was read again. If the policy is the same, that
    /// is the old one, which keeps what the cluster has allowed.
    pub(super) fn replaced_by(self, new: Self) -> Self {
        match (self, new) {
            (Self::Cluster(old), Self::Cluster(new)) if old.0.options == new.0.options => {
                Self::Cluster(old)
            }
            (_, new) => new,
        }
    }
}

impl From<Policy> for Authenticator {
    fn from(policy: Policy) -> Self {
        Self::Policy(Arc::new(policy))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

/// Logins at a cluster. Clones share what the cluster has allowed.
#[derive(Clone)]
pub struct ClusterLogins(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    options: LoginOptions,
    logins: Mutex<Logins>,
    /// Wakes the requests that wait for another login.
    ended: Notify,
    started: Instant,
}

impl ClusterLogins {
    /// Makes logins at this cluster. Its own credentials are not sent.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random key.
    pub fn new(cluster: Cluster, options: LoginOptions) -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        let logins = Mutex::new(Logins::new(cluster.upstream().clone(), options, key));
        let (ended, started) = (Notify::new(), Instant::now());
        Ok(Self(Arc::new(Shared { cluster, options, logins, ended, started })))
    }

    async fn caller(
        &self,
        headers: &[(&str, &[u8])],
    ) -> Result<(Caller, Option<String>), ErrorResponse> {
        loop {
            // From here on, an end is noticed.
            let ended = self.0.ended.notified();
            let mut login = self.0.logins().begin(headers, self.0.now());
            if let Login::Ask(question) = login {
                login = self.ask(*question).await?;
            }

            match login {
                Login::Known(caller, user) => return Ok((caller, user)),
                Login::Refused(error) => return Err(error),
                Login::Ask(_) | Login::Wait => ended.await,
            }
        }
    }

    /// Asks until the login has ended. It goes on if the client leaves, since others may wait for it.
    async fn ask(&self, question: Question) -> Result<Login, ErrorResponse> {
        let shared = self.0.clone();
        let asked = tokio::spawn(async move {
            let login = shared.ask(question).await;
            shared.ended.notify_waiters();
            login
        });
        asked.await.map_err(|error| ErrorResponse::new(500, "login_failed", error.to_string()))
    }
}

impl Shared {
    async fn ask(&self, mut question: Question) -> Login {
        loop {
            let answer = self.cluster.send_as_it_is(&question.request, question.timeout).await;
            let login = match answer {
                Ok(response) => self.logins().answered(question, response, self.now()),
                Err(why) => self.logins().failed(question, &why.to_string(), self.now()),
            };
            match login {
                Login::Ask(next) => question = *next,
                login => return login,
            }
        }
    }

    fn logins(&self) -> MutexGuard<'_, Logins> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
