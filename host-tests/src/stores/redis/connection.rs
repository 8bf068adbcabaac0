//! The connection: made when it is first needed, shared by all calls, made again when it is lost.
//!
//! The `ConnectionManager` that comes with the client would do for a Redis that is there from the
//! start. It keeps a first refusal for good, though (a wrong password, a Redis that still loads),
//! answers with the failure of an attempt that may be hours old, and stays with a connection that
//! has fallen silent.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
};
use tokio::fs;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::ring;

use super::RedisAddress;
use super::failure::failure;
use crate::CcsError;

/// How long a failure to connect stands for those who come after it: a Redis that is down is not
/// asked again by each of a thousand calls.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Connection {
    address: RedisAddress,
    time: Duration,
    slot: Mutex<Slot>,
}

enum Slot {
    Empty,
    Failed { at: Instant, error: CcsError },
    Open(Arc<MultiplexedConnection>),
}

impl Connection {
    pub(super) fn new(address: RedisAddress, time: Duration) -> Self {
        Self { address, time, slot: Mutex::new(Slot::Empty) }
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Runs a command that only reads.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CcsError> {
        let (connection, kept) = self.open().await?;
        let answer = match self.query_on(&connection, command).await {
            // Lost since it was last used, which shows only now: no reason to fail.
            Err(error) if kept && error.is_connection_dropped() => {
                let (connection, _) = self.open().await?;
                self.query_on(&connection, command).await
            }
            answer => answer,
        };
        answer.map_err(|error| failure(&self.address, &error))
    }

    /// A new connection, which is not shared.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, CcsError> {
        // Connecting and answering have two fifths each: when both are late, there is time left to
        // say so.
        let time = self.time * 2 / 5;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(time))
            .set_response_timeout(Some(time));
        client(&self.address, trusted(&self.address).await?)
            .map_err(|error| failure(&self.address, &error))?
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| failure(&self.address, &error))
    }

    /// The connection, and whether it has been there before. One call connects, the others wait
    /// for what comes of it.
    async fn open(&self) -> Result<(Arc<MultiplexedConnection>, bool), CcsError> {
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
        connection: &Arc<MultiplexedConnection>,
        command: &Cmd,
    ) -> RedisResult<T> {
        let answer = command.query_async(&mut MultiplexedConnection::clone(connection)).await;
        if let Err(error) = &answer
            && !is_answer(error)
        {
            self.discard(connection).await;
        }
        answer
    }

    /// Lets go of a connection, unless there is a newer one already.
    async fn discard(&self, lost: &Arc<MultiplexedConnection>) {
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

/// The certificates to trust, where the address names some.
async fn trusted(address: &RedisAddress) -> Result<Option<Vec<u8>>, CcsError> {
    let Some(path) = address.ca() else {
        return Ok(None);
    };
    fs::read(path).await.map(Some).map_err(|error| {
        CcsError::Unavailable(format!("cannot read {}: {}", path.display(), error.kind()))
    })
}

fn client(address: &RedisAddress, root_cert: Option<Vec<u8>>) -> RedisResult<Client> {
    let mut login = RedisConnectionInfo::default().set_db(address.database().into());
    if let Some(user) = address.user() {
        login = login.set_username(user);
    }
    if let Some(password) = address.password() {
        login = login.set_password(password);
    }
    let (host, port) = (address.host().to_owned(), address.port());
    let place = if address.is_tls() {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let info = place
        .into_connection_info()?
        .set_redis_settings(login)
        .set_tcp_settings(TcpSettings::default().set_nodelay(true));
    if !address.is_tls() {
        return Client::open(info);
    }
    // The client uses the provider of the process, and panics where there is none. One that the
    // program has chosen is kept.
    let _ = ring::default_provider().install_default();
    Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
}
