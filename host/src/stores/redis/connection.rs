//! The connection to Redis. The first call opens it, one call at a time uses it, and a call after its loss opens
//! another one.
//!
//! The connections of the client are not used, because calls at the same time share them. So no call could
//! limit its own reply, and a task of the client reads them. Redis answers one command after the other
//! anyway.

use std::path::Path;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    parse_redis_value_async,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::RedisAddress;
use super::failure::{failure, not_connected, too_long};
use crate::CcsError;
use crate::file_metrics::FileMetrics;
use crate::net::deadline::Deadline;
use crate::net::stream;
use crate::net::stream::{Server, Stream};
use crate::net::tls::{Connector, TlsFiles};

pub(super) struct Connection {
    address: RedisAddress,
    time: Duration,
    bytes: usize,
    /// The open connection, unless a call has taken it.
    kept: Mutex<Option<Link>>,
    tls: Connector,
}

/// An open connection.
pub(super) struct Link {
    stream: Box<dyn Stream>,
    /// The time for a reply.
    time: Duration,
    /// The limit of a reply.
    bytes: usize,
}

impl Link {
    /// Sends commands, and reads this many replies.
    async fn exchange(&mut self, commands: &[u8], replies: usize) -> RedisResult<Vec<Value>> {
        let Self { stream, time, bytes } = self;
        let exchange = async {
            stream.write_all(commands).await?;
            stream.flush().await?;

            // It has the beginning of the next reply, if that came with one.
            let mut decoder = Default::default();
            let mut values = Vec::new();
            for _ in 0..replies {
                let mut limited = (&mut *stream).take(*bytes as u64);
                let value = parse_redis_value_async(&mut decoder, &mut limited).await;
                if value.is_err() && limited.limit() == 0 {
                    return Err((ErrorKind::Client, "reply", TOO_LONG.to_owned()).into());
                }
                values.push(value?);
            }
            Ok(values)
        };
        Deadline::after(*time).wait_for(exchange).await
    }

    /// Sends the user and the password, and selects the database.
    async fn login(&mut self, address: &RedisAddress) -> RedisResult<()> {
        if let Some(password) = address.password() {
            let mut login = redis::cmd("AUTH");
            login.arg(address.user()).arg(password);
            let () = login.query_async(self).await.map_err(|error| match is_answer(&error) {
                true => (ErrorKind::AuthenticationFailed, "AUTH is refused").into(),
                false => error,
            })?;
        }
        if address.database() != 0 {
            let () = redis::cmd("SELECT").arg(address.database()).query_async(self).await?;
        }
        Ok(())
    }
}

/// The detail of the error for a reply over the limit.
const TOO_LONG: &str = "it is longer than the limit";

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut replies = self.exchange(&command.get_packed_command(), 1).await?;
            Ok(replies.pop().unwrap_or(Value::Nil))
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let commands = pipeline.get_packed_pipeline();
            let mut replies = self.exchange(&commands, offset + count).await?;
            let asked = replies.split_off(offset);
            replies.into_iter().try_for_each(|reply| reply.extract_error().map(|_| ()))?;
            Ok(asked)
        })
    }

    /// The database is part of the address.
    fn get_db(&self) -> i64 {
        0
    }
}

impl Connection {
    pub(super) fn new(address: RedisAddress, time: Duration, bytes: usize) -> Self {
        let files = TlsFiles { ca: address.ca().map(Path::to_owned), pair: None };
        let tls = Connector::new(files, FileMetrics::default());
        Self { address, time, bytes, kept: Mutex::new(None), tls }
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
        let kept = deadline.wait_for(async { Ok::<_, RedisError>(self.kept.lock().await) }).await;
        let mut kept = kept.map_err(|error| self.failure(&error))?;

        // If this call is dropped, so is the connection, since a reply may be on its way.
        if let Some(link) = kept.take() {
            match self.query_on(link, command, deadline).await {
                // The connection was lost earlier, and only this call notices. It connects again.
                (_, Err(error)) if error.is_connection_dropped() => {}
                (link, answer) => {
                    *kept = link;
                    return answer.map_err(|error| self.failure(&error));
                }
            }
        }
        let link = self.connect_until(deadline).await?;
        let (link, answer) = self.query_on(link, command, deadline).await;
        *kept = link;
        answer.map_err(|error| self.failure(&error))
    }

    /// Runs a command. Returns the connection too, if it is still good.
    async fn query_on<T: FromRedisValue>(
        &self,
        mut link: Link,
        command: &Cmd,
        deadline: Deadline,
    ) -> (Option<Link>, RedisResult<T>) {
        let answer = deadline.wait_for(command.query_async(&mut link)).await;
        let is_good = answer.as_ref().err().is_none_or(is_answer);
        (is_good.then_some(link), answer)
    }

    /// Opens a connection that is not kept.
    pub(super) async fn connect(&self) -> Result<Link, CcsError> {
        self.connect_until(self.deadline()).await
    }

    fn deadline(&self) -> Deadline {
        Deadline::with_time_to_report(self.time)
    }

    async fn connect_until(&self, deadline: Deadline) -> Result<Link, CcsError> {
        let tls = match self.address.is_tls() {
            true => Some(self.connector().await?),
            false => None,
        };

        let (host, port) = (self.address.host(), self.address.port());
        let server = Server { host, port, tls: tls.as_ref(), name: None, proxy: None };
        let stream = stream::connect(server, deadline)
            .await
            .map_err(|error| not_connected(&self.address, &error))?;

        let mut link = Link { stream, time: self.time, bytes: self.bytes };
        let login = deadline.wait_for(link.login(&self.address)).await;
        login.map_err(|error| self.failure(&error))?;
        Ok(link)
    }

    async fn connector(&self) -> Result<TlsConnector, CcsError> {
        self.tls.get().await.map_err(|error| CcsError::Unavailable(error.to_string()))
    }

    /// The store's error for an error of the connection.
    pub(super) fn failure(&self, error: &RedisError) -> CcsError {
        match error.kind() {
            ErrorKind::Client if error.detail() == Some(TOO_LONG) => {
                too_long(&self.address, self.bytes)
            }
            _ => failure(&self.address, error, self.time),
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
