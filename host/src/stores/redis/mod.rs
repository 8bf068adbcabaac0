//! A Redis hash as the store.

mod address;
mod connection;
mod failure;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use ccs_modules::{Limits, Malformed, Snapshot, body, sort_documents};
use redis::Cmd;

use self::address::HostPort;
pub use self::address::{RedisAddress, RedisAddressError};
use self::connection::Connection;
use self::failure::missing;
use crate::{CallLimits, Ccs, CcsError};

/// A Redis hash: each field is a uid, and its value the document. A hash has no order, so the list is
/// sorted by module name, then newest version first. A key that does not exist is an error, unless the
/// address declares it an empty store.
///
/// Reading takes the commands HVALS, HGET and EXISTS. Redis need not run yet: calls fail while it is
/// down, and succeed when it is up again.
pub struct Redis {
    connection: Connection,
    may_be_emptied: bool,
}

impl Redis {
    /// Makes a store of the hash at `address`. The first call connects.
    pub fn new(address: RedisAddress) -> Self {
        let CallLimits { store_bytes, store_timeout, .. } = CallLimits::default();
        let connection = Connection::new(address, store_timeout, store_bytes);
        Self { connection, may_be_emptied: false }
    }

    /// Sets the timeout of a call, including the time to connect. Default: as for
    /// [`CallLimits::store_timeout`].
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { connection: self.connection.within(time), ..self }
    }

    /// Sets the limit of a reply of Redis, in bytes. Default: as for [`CallLimits::store_bytes`].
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        Self { connection: self.connection.at_most(bytes), ..self }
    }

    /// Permits [`replace`](Self::replace) to write an empty catalog over one that is not empty.
    #[must_use]
    pub fn allow_empty(self) -> Self {
        Self { may_be_emptied: true, ..self }
    }

    /// Reports the changes that [`replace`](Self::replace) would make now.
    ///
    /// # Errors
    ///
    /// As for [`replace`](Self::replace).
    pub async fn compare(&self, catalog: &Snapshot) -> Result<Changes, CcsError> {
        self.changes(&self.connection.query(&self.command("HGETALL")).await?, catalog)
    }

    /// Replaces the content of the hash with `catalog`, in one step: a reader at the same time sees
    /// all of the old content or all of the new.
    ///
    /// # Errors
    ///
    /// The error of Redis in one line, without credentials; an error if an empty catalog would replace one
    /// that is not empty, unless this is [allowed](Self::allow_empty). Nothing has been written then, unless
    /// the connection was lost before the reply to the last command. A key that is not a hash stays as it is.
    pub async fn replace(&self, catalog: &Snapshot) -> Result<Changes, CcsError> {
        // A connection of its own, since WATCH applies to all users of a connection.
        let mut connection = self.connection.connect().await?;
        let address = self.connection.address();
        let failed = |error| self.connection.failure(&error);
        let limits = Limits::default();
        for _ in 0..ATTEMPTS {
            let () = self.command("WATCH").query_async(&mut connection).await.map_err(failed)?;
            let stored = self.command("HGETALL").query_async(&mut connection).await;
            let changes = self.changes(&stored.map_err(failed)?, catalog)?;
            let mut transaction = redis::pipe();
            transaction.atomic().del(address.key()).ignore();
            if !catalog.is_empty() {
                let uid = |document| body::uid(document, &limits).unwrap_or_default().into_owned();
                let documents = catalog.documents().map(|document| (uid(document), document));
                let documents: Vec<_> = documents.collect();
                transaction.cmd("HSET").arg(address.key()).arg(&documents).ignore();
            }
            // None: another client has written to the key since the WATCH.
            let done: Option<()> =
                transaction.query_async(&mut connection).await.map_err(failed)?;
            if done.is_some() {
                return Ok(changes);
            }
        }
        Err(CcsError::Unavailable(format!(
            "other clients keep writing to the key {}",
            address.key()
        )))
    }

    /// The changes from what is stored to the catalog, if they are allowed.
    fn changes(
        &self,
        stored: &BTreeMap<Vec<u8>, Vec<u8>>,
        catalog: &Snapshot,
    ) -> Result<Changes, CcsError> {
        if catalog.is_empty() && !stored.is_empty() && !self.may_be_emptied {
            let (modules, them) = match stored.len() {
                1 => ("1 module".into(), "it"),
                count => (format!("{count} modules"), "them"),
            };
            let key = self.connection.address().key();
            return Err(CcsError::Other(format!(
                "the new catalog is empty, and the key {key} holds {modules}; --allow-empty removes {them}"
            )));
        }
        Ok(Changes::between(stored, catalog))
    }

    /// Makes a command on the key.
    fn command(&self, name: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(self.connection.address().key());
        command
    }

    /// The error for a malformed document without a uid. It names the field of the hash that has
    /// the document, if this user may read it and the document is still there.
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

/// The number of attempts to write when other clients write to the key.
const ATTEMPTS: usize = 5;

#[async_trait]
impl Ccs for Redis {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        let mut documents: Vec<Vec<u8>> = self.connection.query(&self.command("HVALS")).await?;
        // A hash that exists is never empty.
        if documents.is_empty() && !self.connection.address().missing_is_empty() {
            return Err(missing(self.connection.address()));
        }
        sort_documents(&mut documents, &Limits::default());
        // Malformed documents come first. The plugin names one by its uid; one without a uid can only
        // be named here.
        if let Some(document) = documents.first()
            && let Err(error) = Snapshot::from_documents(&[document], &Limits::default())
            && error.malformed.uid.is_none()
        {
            return Err(self.corrupt(document, &error.malformed).await);
        }
        Ok(documents)
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        let document: Option<_> = self.connection.query(self.command("HGET").arg(uid)).await?;
        if document.is_none()
            && !self.connection.address().missing_is_empty()
            && !self.connection.query::<bool>(&self.command("EXISTS")).await?
        {
            return Err(missing(self.connection.address()));
        }
        Ok(document)
    }

    fn name(&self) -> String {
        format!("redis at {}", HostPort(self.connection.address()))
    }
}

/// The changes that replacing the content of a store makes, in modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Modules that were not in the store.
    pub added: usize,
    /// Modules whose document was another one.
    pub changed: usize,
    /// Modules that are not in the store any more.
    pub removed: usize,
    /// Modules whose document was the same, to the byte.
    pub unchanged: usize,
}

impl Changes {
    fn between(stored: &BTreeMap<Vec<u8>, Vec<u8>>, catalog: &Snapshot) -> Self {
        let mut changes = Self::default();
        for (uid, document) in stored {
            match str::from_utf8(uid).ok().and_then(|uid| catalog.document(uid)) {
                None => changes.removed += 1,
                Some(new) if new == document => changes.unchanged += 1,
                Some(_) => changes.changed += 1,
            }
        }
        changes.added = catalog.len() - changes.changed - changes.unchanged;
        changes
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, unchanged } = self;
        write!(f, "{added} new, {changed} changed, {unchanged} unchanged, {removed} removed")
    }
}
