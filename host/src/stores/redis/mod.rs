//! A hash in a Redis as the store.

mod address;
mod connection;
mod failure;
mod meter;
mod stream;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::{Error, Limits, Malformed, Subject, sort_documents};
use redis::Cmd;

pub use self::address::{RedisAddress, RedisAddressError};
use self::connection::Connection;
use crate::stores::catalogue::{self, Catalogue};
use crate::{Bounds, Ccs, CcsError};

/// A hash in a Redis: each field is a uid, its value the document. It is listed by module name, then
/// newest version first, for a hash has no order. There need not be a hash: that is an empty store.
///
/// Redis need not be there from the start, either. Calls fail while it is away and succeed when it is
/// back.
pub struct Redis {
    connection: Connection,
}

impl Redis {
    /// The hash at `address`. The first call connects.
    pub fn new(address: RedisAddress) -> Self {
        let Bounds { store_time, memory, .. } = Bounds::default();
        Self { connection: Connection::new(address, store_time, memory) }
    }

    /// The same, with the time that a call may take, connecting included. Default: as for
    /// [`Bounds::store_time`].
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { connection: self.connection.within(time) }
    }

    /// The same, with the bytes that an answer of Redis may have. Default: as for [`Bounds::memory`],
    /// since no more than that can be listed.
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self { connection: self.connection.at_most(bytes) }
    }

    /// What [`replace`](Self::replace) would do now.
    ///
    /// # Errors
    ///
    /// What Redis said, in one line and without credentials.
    pub async fn compare(&self, catalogue: &Catalogue) -> Result<Changes, CcsError> {
        Ok(Changes::between(&self.connection.query(&self.command("HGETALL")).await?, catalogue))
    }

    /// Puts `catalogue` in the place of everything that is in the hash, in one step: whoever reads
    /// meanwhile finds all of the old or all of the new.
    ///
    /// # Errors
    ///
    /// What Redis said, in one line and without credentials. Nothing was written then, unless the
    /// connection was lost over the answer to the last command. A key that holds something else
    /// than a hash is left as it is.
    pub async fn replace(&self, catalogue: &Catalogue) -> Result<Changes, CcsError> {
        // Not the shared connection: whoever watches a key watches it for all who share theirs.
        let link = self.connection.connect().await?;
        let (mut connection, _asking) = link.ask();
        let address = self.connection.address();
        let failed = |error| self.connection.failure(&link, &error);
        for _ in 0..ATTEMPTS {
            let () = self.command("WATCH").query_async(&mut connection).await.map_err(failed)?;
            let stored = self.command("HGETALL").query_async(&mut connection).await;
            let changes = Changes::between(&stored.map_err(failed)?, catalogue);
            let mut transaction = redis::pipe();
            transaction.atomic().del(address.key()).ignore();
            if !catalogue.documents().is_empty() {
                let documents: Vec<_> = catalogue.documents().iter().collect();
                transaction.cmd("HSET").arg(address.key()).arg(&documents).ignore();
            }
            // None: the key was written to since it was watched.
            let done: Option<()> =
                transaction.query_async(&mut connection).await.map_err(failed)?;
            if done.is_some() {
                return Ok(changes);
            }
        }
        Err(CcsError::Unavailable(format!("the key {} is being written to", address.key())))
    }

    /// A command on the key.
    fn command(&self, name: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(self.connection.address().key());
        command
    }

    /// What to say of a document without a uid: the field of the hash that holds it, if this user
    /// may know and it is still there.
    async fn corrupt(&self, document: &[u8], malformed: &Malformed) -> CcsError {
        let stored: Result<HashMap<Vec<u8>, Vec<u8>>, _> =
            self.connection.query(&self.command("HGETALL")).await;
        let place = stored
            .ok()
            .and_then(|stored| stored.into_iter().find(|(_, value)| value == document))
            .map_or("one of its values".into(), |(field, _)| {
                format!("the value of {}", String::from_utf8_lossy(&field))
            });
        let Malformed { field, reason, .. } = malformed;
        let field = field.map(|field| format!("field {field}: ")).unwrap_or_default();
        let key = self.connection.address().key();
        CcsError::Other(format!("the key {key}, {place}: {field}{reason}"))
    }
}

/// How often a transaction is begun when somebody else writes to the key.
const ATTEMPTS: usize = 5;

#[async_trait]
impl Ccs for Redis {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        let mut documents: Vec<Vec<u8>> = self.connection.query(&self.command("HVALS")).await?;
        sort_documents(&mut documents, &Limits::default());
        // Malformed documents come first. One with a uid will be named after it; here is the last
        // chance to name any other.
        if let Some(document) = documents.first()
            && let Err(Error::Malformed(malformed)) = catalogue::list(&[document])
            && let Subject::DocumentAt(_) = malformed.subject
        {
            return Err(self.corrupt(document, &malformed).await);
        }
        Ok(documents)
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        self.connection.query(self.command("HGET").arg(uid)).await
    }
}

/// What replacing the content of a store does to it, in modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Not there before.
    pub added: usize,
    /// There before, with another document.
    pub changed: usize,
    /// There before, and not any more.
    pub removed: usize,
    /// There before with the same document, to the byte.
    pub unchanged: usize,
}

impl Changes {
    fn between(stored: &BTreeMap<Vec<u8>, Vec<u8>>, catalogue: &Catalogue) -> Self {
        let mut changes = Self::default();
        for (uid, document) in catalogue.documents() {
            match stored.get(uid.as_bytes()) {
                None => changes.added += 1,
                Some(stored) if stored == document.as_bytes() => changes.unchanged += 1,
                Some(_) => changes.changed += 1,
            }
        }
        changes.removed = stored.len() - changes.changed - changes.unchanged;
        changes
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, unchanged } = self;
        write!(f, "{added} new, {changed} changed, {unchanged} unchanged, {removed} removed")
    }
}
