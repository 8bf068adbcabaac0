//! The connection to Redis. The first call opens it, all calls share it, and a call after its loss
//! opens another one.
//!
//! The `ConnectionManager` of the client does not suffice. It keeps a first refusal for good (a wrong
//! password, a Redis that is still loading), returns the error of an attempt that may be hours old,
//! and keeps a connection that does not respond any more.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError,
    RedisResult,
};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::RedisAddress;
use super::failure::{failure, not_connected, too_long};
use super::reply_limit::{LimitedStream, PendingReply, ReplyLimit};
use crate::CcsError;
use crate::net::deadline::Deadline;
use crate::net::stream::Server;
use crate::net::{stream, tls};

pub(super) struct Connection {
    address: RedisAddress,
    time: Duration,
    bytes: usize,
    slot: Mutex<Slot>,
    /// Made at the first connection over TLS.
    tls: OnceCell<TlsConnector>,
}

enum Slot {
    Empty,
    Failed { at: Instant, error: CcsError },
    Open(Arc<Link>),
}

/// An open connection.
pub(super) struct Link {
    connection: MultiplexedConnection,
    reply_limit: Arc<ReplyLimit>,
    // The task that reads and writes. It ends when this is dropped.
    _driver: JoinSet<()>,
}

impl Link {
    /// Returns the connection for one command, or for a few whose replies have one limit together.
    pub(super) fn start(&self) -> (MultiplexedConnection, PendingReply) {
        (self.connection.clone(), self.reply_limit.start())
    }
}

impl Connection {
    pub(super) fn new(address: RedisAddress, time: Duration, bytes: usize) -> Self {
        let slot = Mutex::new(Slot::Empty);
        Self { address, time, bytes, slot, tls: OnceCell::new() }
    }

    /// Makes another connection to the same address, with this timeout of a call.
    pub(super) fn within(&self, time: Duration) -> Self {
        Self::new(self.address.clone(), time, self.bytes)
    }

    /// Makes another connection to the same address, with this limit of a reply.
    pub(super) fn at_most(&self, bytes: usize) -> Self {
        Self::new(self.address.clone(), self.time, bytes)
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Runs a command that only reads.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CcsError> {
        let deadline = self.deadline();
        let (link, kept) = self.open(deadline).await?;
        match self.query_on(&link, command, deadline).await {
            // The connection was lost earlier, and only this call notices. It connects again.
            Err(error) if kept && error.is_connection_dropped() => {
                let (link, _) = self.open(deadline).await?;
                let answer = self.query_on(&link, command, deadline).await;
                answer.map_err(|error| self.failure(&link, &error))
            }
            answer => answer.map_err(|error| self.failure(&link, &error)),
        }
    }

    /// Opens a connection that is not shared.
    pub(super) async fn connect(&self) -> Result<Link, CcsError> {
        self.connect_until(self.deadline()).await
    }

    fn deadline(&self) -> Deadline {
        Deadline::with_time_to_report(self.time)
    }

    async fn connect_until(&self, deadline: Deadline) -> Result<Link, CcsError> {
        let tls = match self.address.is_tls() {
            true => Some(self.tls.get_or_try_init(|| self.connector()).await?),
            false => None,
        };

        let (host, port) = (self.address.host(), self.address.port());
        let server = Server { host, port, tls, name: None, proxy: None };
        let stream = stream::connect(server, deadline)
            .await
            .map_err(|reason| not_connected(&self.address, &reason))?;

        let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.time));
        let reply_limit = ReplyLimit::new(self.bytes);
        let stream = LimitedStream { stream, reply_limit: reply_limit.clone() };
        let login = login(&self.address);
        let opening = MultiplexedConnection::new_with_config(&login, stream, config);
        let (connection, moving) = deadline
            .wait_for(opening)
            .await
            .map_err(|error| failure(&self.address, &error, self.time))?;

        let mut driver = JoinSet::new();
        driver.spawn(moving);
        Ok(Link { connection, reply_limit, _driver: driver })
    }

    async fn connector(&self) -> Result<TlsConnector, CcsError> {
        let ca = self.address.ca().map(Path::to_owned);
        tls::connector(ca).await.map_err(CcsError::Unavailable)
    }

    /// The store's error for an error of the connection.
    pub(super) fn failure(&self, link: &Link, error: &RedisError) -> CcsError {
        match link.reply_limit.exceeded() {
            Some(limit) => too_long(&self.address, limit),
            None => failure(&self.address, error, self.time),
        }
    }

    /// Returns the connection, and whether it was open before. One call connects, and others wait for
    /// the result.
    async fn open(&self, deadline: Deadline) -> Result<(Arc<Link>, bool), CcsError> {
        let began = Instant::now();
        let mut slot = self.slot.lock().await;
        match &*slot {
            Slot::Open(connection) => return Ok((connection.clone(), true)),
            // This call waited for the attempt, and so shares its result.
            Slot::Failed { at, error } if began <= *at => return Err(error.clone()),
            Slot::Empty | Slot::Failed { .. } => {}
        }
        match self.connect_until(deadline).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *slot = Slot::Open(connection.clone());
                Ok((connection, false))
            }
            Err(error) => {
                *slot = Slot::Failed { at: Instant::now(), error: error.clone() };
                Err(error)
            }
        }
    }

    async fn query_on<T: FromRedisValue>(
        &self,
        connection: &Arc<Link>,
        command: &Cmd,
        deadline: Deadline,
    ) -> RedisResult<T> {
        let (mut shared, _pending) = connection.start();
        let answer = deadline.wait_for(command.query_async(&mut shared)).await;
        if let Err(error) = &answer
            && !is_answer(error)
        {
            self.discard(connection).await;
        }
        answer
    }

    /// Drops a connection, unless there is a newer one already.
    async fn discard(&self, lost: &Arc<Link>) {
        let mut slot = self.slot.lock().await;
        if matches!(&*slot, Slot::Open(connection) if Arc::ptr_eq(connection, lost)) {
            *slot = Slot::Empty;
        }
    }
}

/// Whether the error is a reply, so that the connection is still good.
fn is_answer(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Extension | ErrorKind::Server(_) | ErrorKind::UnexpectedReturnType
    )
}

/// The user, the password and the database.
fn login(address: &RedisAddress) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default().set_db(address.database().into());
    if let Some(user) = address.user() {
        login = login.set_username(user);
    }
    if let Some(password) = address.password() {
        login = login.set_password(password);
    }
    login
}
