//! The requests and responses in progress on one connection, and the time that its client has for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::{Buf, Bytes};
use tokio::time::{Instant, sleep};

/// The exchanges in progress on one connection.
///
/// A client is in time if an exchange ends, or moves. Other bytes do not count: an HTTP/2 client could
/// send PINGs for ever.
pub(super) struct Exchanges {
    client_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// The open exchanges, each with the instant since which its client has taken nothing; `None` before the
    /// response.
    open: BTreeMap<u64, Option<Instant>>,
    count: u64,
    /// When the last exchange ended, or the connection began.
    idle_since: Instant,
}

impl Exchanges {
    /// Starts with a connection that has just been opened.
    pub(super) fn new(client_timeout: Duration) -> Arc<Self> {
        let state = State { open: BTreeMap::new(), count: 0, idle_since: Instant::now() };
        Arc::new(Self { client_timeout, state: Mutex::new(state) })
    }

    /// Opens an exchange, whose request has arrived.
    pub(super) fn open(self: &Arc<Self>) -> Exchange {
        let mut state = self.state();
        state.count += 1;
        let id = state.count;
        state.open.insert(id, None);
        Exchange { exchanges: self.clone(), id, bytes: Bytes::new() }
    }

    /// Waits until the client is late with a request or with taking a response.
    pub(super) async fn late(&self) {
        loop {
            let waiting_since = {
                let state = self.state();
                let idle_since = state.open.is_empty().then_some(state.idle_since);
                state.open.values().flatten().min().copied().or(idle_since)
            };
            let waited = waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
            if waited >= self.client_timeout {
                return;
            }
            sleep(self.client_timeout - waited).await;
        }
    }

    /// Waits until no exchange moves. An HTTP/2 client has a moment to acknowledge the GOAWAY, and what it
    /// asks for before is served.
    pub(super) async fn settled(&self) {
        let moves = |since: &Option<Instant>| {
            since.is_none_or(|since| since.elapsed() < self.client_timeout)
        };
        sleep(ROUND_TRIP).await;
        while self.state().open.values().any(moves) {
            sleep(ROUND_TRIP).await;
        }
    }

    /// Whether no exchange is open.
    pub(super) fn is_idle(&self) -> bool {
        self.state().open.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ROUND_TRIP: Duration = Duration::from_millis(250);

/// A request and the bytes of its response, which HTTP advances as the client takes them. The exchange
/// ends when this is dropped.
pub(super) struct Exchange {
    exchanges: Arc<Exchanges>,
    id: u64,
    bytes: Bytes,
}

impl Exchange {
    /// Adds the bytes of the response.
    pub(super) fn with_response(mut self, bytes: Bytes) -> Self {
        self.bytes = bytes;
        self.moves();
        self
    }

    fn moves(&self) {
        self.exchanges.state().open.insert(self.id, Some(Instant::now()));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.exchanges.state();
        state.open.remove(&self.id);
        state.idle_since = Instant::now();
    }
}

/// The bytes of a response that a client must take in its time.
const STEP: usize = 4 << 10;

impl Buf for Exchange {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        let steps = self.bytes.len() / STEP;
        self.bytes.advance(count);
        if self.bytes.len() / STEP < steps {
            self.moves();
        }
    }
}
