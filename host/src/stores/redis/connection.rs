//! The connection: made when it is first needed, shared by all calls, made again when it is lost.
//!
//! The `ConnectionManager` that comes with the client would do for a Redis that is there from the
//! start. It keeps a first refusal for good, though (a wrong password, a Redis that still loads),
//! answers with the failure of an attempt that may be hours old, and stays with a connection that
//! has fallen silent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError,
    RedisResult,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::RedisAddress;
use super::failure::{failure, too_long};
use super::meter::{Asking, Meter, Metered};
use super::stream;
use crate::CcsError;

/// How long a failure to connect stands for those who come after it: a Redis that is down is not
/// asked again by each of a thousand calls.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Connection {
    address: RedisAddress,
    time: Duration,
    bytes: usize,
    slot: Mutex<Slot>,
}

enum Slot {
    Empty,
    Failed { at: Instant, error: CcsError },
    Open(Arc<Link>),
}

/// A connection that is there.
pub(super) struct Link {
    connection: MultiplexedConnection,
    meter: Arc<Meter>,
    // Moves the bytes, until this is dropped.
    _driver: JoinSet<()>,
}

impl Link {
    /// To be asked once, or for a few answers that are as long as one may be.
    pub(super) fn ask(&self) -> (MultiplexedConnection, Asking) {
        (self.connection.clone(), self.meter.ask())
    }
}

impl Connection {
    pub(super) fn new(address: RedisAddress, time: Duration, bytes: usize) -> Self {
        Self { address, time, bytes, slot: Mutex::new(Slot::Empty) }
    }

    /// Another one, to the same address, with the time that a call may take.
    pub(super) fn within(&self, time: Duration) -> Self {
        Self::new(self.address.clone(), time, self.bytes)
    }

    /// Another one, to the same address, with the bytes that an answer may have.
    pub(super) fn at_most(&self, bytes: usize) -> Self {
        Self::new(self.address.clone(), self.time, bytes)
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Runs a command that only reads.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CcsError> {
        let (link, kept) = self.open().await?;
        match self.query_on(&link, command).await {
            // Lost since it was last used, which shows only now: no reason to fail.
            Err(error) if kept && error.is_connection_dropped() => {
                let (link, _) = self.open().await?;
                self.query_on(&link, command).await.map_err(|error| self.failure(&link, &error))
            }
            answer => answer.map_err(|error| self.failure(&link, &error)),
        }
    }

    /// A new connection, which is not shared.
    pub(super) async fn connect(&self) -> Result<Link, CcsError> {
        let trusted = stream::trusted(&self.address).await?;
        // Connecting and answering have two fifths each: when both are late, there is time left to
        // say so.
        let time = self.time * 2 / 5;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(time));
        let meter = Meter::new(self.bytes);
        let opened = timeout(time, async {
            let stream = stream::connect(&self.address, trusted).await?;
            let stream = Metered { stream, meter: meter.clone() };
            let login = login(&self.address);
            let (connection, moving) =
                MultiplexedConnection::new_with_config(&login, stream, config).await?;
            let mut driver = JoinSet::new();
            driver.spawn(moving);
            Ok(Link { connection, meter, _driver: driver })
        });
        let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        opened
            .await
            .unwrap_or_else(late)
            .map_err(|error: RedisError| failure(&self.address, &error))
    }

    /// What an error of a connection is to whoever asked the store.
    pub(super) fn failure(&self, link: &Link, error: &RedisError) -> CcsError {
        match link.meter.exceeded() {
            Some(limit) => too_long(&self.address, limit),
            None => failure(&self.address, error),
        }
    }

    /// The connection, and whether it has been there before. One call connects, the others wait
    /// for what comes of it.
    async fn open(&self) -> Result<(Arc<Link>, bool), CcsError> {
        let began = Instant::now();
        let mut slot = self.slot.lock().await;
        match &*slot {
            Slot::Open(connection) => return Ok((connection.clone(), true)),
            Slot::Failed { at, error } if began < *at + PAUSE => return Err(error.clone()),
            Slot::Empty | Slot::Failed { .. } => {}
        }
        match self.connect().await {
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
    ) -> RedisResult<T> {
        let (mut shared, _asking) = connection.ask();
        let answer = command.query_async(&mut shared).await;
        if let Err(error) = &answer
            && !is_answer(error)
        {
            self.discard(connection).await;
        }
        answer
    }

    /// Lets go of a connection, unless there is a newer one already.
    async fn discard(&self, lost: &Arc<Link>) {
        let mut slot = self.slot.lock().await;
        if matches!(&*slot, Slot::Open(connection) if Arc::ptr_eq(connection, lost)) {
            *slot = Slot::Empty;
        }
    }
}

/// Whether the connection has done its work, and what it brought is an error.
fn is_answer(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Extension | ErrorKind::Server(_) | ErrorKind::UnexpectedReturnType
    )
}

/// As whom to connect, and to which database.
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
