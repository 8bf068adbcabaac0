//! The requests and responses in progress on one connection, and the time that its client has for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::{Buf, Bytes};
use tokio::time::{Instant, sleep};

/// The requests and responses in progress on one connection.
///
/// What counts is what moves, and not what arrives: an HTTP/2 client could send PINGs for ever.
pub(super) struct Exchanges {
    client_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// The open exchanges: since when the client has not taken bytes of each; `None` before there is a
    /// response.
    open: BTreeMap<u64, Option<Instant>>,
    /// The number of exchanges so far.
    count: u64,
    /// When the last exchange ended, or the first byte after that came.
    idle_since: Instant,
    /// The number of bytes that were sent until that first byte; `None` before it.
    sent_before: Option<usize>,
    sent: usize,
    /// Since when bytes wait for the client to take some.
    blocked_since: Option<Instant>,
}

impl Exchanges {
    /// Starts with a connection that has just been opened.
    pub(super) fn new(client_timeout: Duration) -> Arc<Self> {
        let state = State {
            open: BTreeMap::new(),
            count: 0,
            idle_since: Instant::now(),
            sent_before: None,
            sent: 0,
            blocked_since: None,
        };
        Arc::new(Self { client_timeout, state: Mutex::new(state) })
    }

    /// Opens an exchange, whose request has arrived.
    pub(super) fn open(self: &Arc<Self>) -> Exchange {
        let mut state = self.state();
        state.count += 1;
        let id = state.count;
        state.open.insert(id, None);
        Exchange { exchanges: self.clone(), id }
    }

    /// Notes that bytes came.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if state.open.is_empty() && state.sent_before.is_none() {
            state.sent_before = Some(state.sent);
            state.idle_since = Instant::now();
        }
    }

    /// Notes that the client took so many bytes, and whether others wait.
    pub(super) fn sent(&self, bytes: usize, blocked: bool) {
        let mut state = self.state();
        state.sent += bytes;
        let since = state.blocked_since.unwrap_or_else(Instant::now);
        state.blocked_since = blocked.then_some(since);
    }

    /// Waits until the client is late: with the head of a request, or with taking a response.
    pub(super) async fn late(&self) {
        loop {
            let left = self.time_left();
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn time_left(&self) -> Duration {
        let state = self.state();
        let waiting_since = match state.open.is_empty() {
            true => Some(state.idle_since),
            false => state.open.values().flatten().min().copied(),
        };
        let waited = waiting_since.map(|since| since.elapsed());
        self.client_timeout.saturating_sub(waited.unwrap_or_default())
    }

    /// Waits until nothing moves any more. An HTTP/2 client has a moment to acknowledge the GOAWAY, and
    /// requests that it sends before are served.
    pub(super) async fn settled(&self) {
        let in_time = |since: &Instant| since.elapsed() < self.client_timeout;
        loop {
            sleep(ROUND_TRIP).await;
            let state = self.state();
            let moves = state.open.values().any(|since| since.as_ref().is_none_or(in_time));
            if !moves && !state.blocked_since.as_ref().is_some_and(in_time) {
                return;
            }
        }
    }

    /// Whether a part of a request has arrived, and nothing was sent since.
    pub(super) fn has_part_of_a_request(&self) -> bool {
        let state = self.state();
        state.open.is_empty() && state.sent_before == Some(state.sent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ROUND_TRIP: Duration = Duration::from_millis(250);

/// A request and its response. It ends when this is dropped.
pub(super) struct Exchange {
    exchanges: Arc<Exchanges>,
    id: u64,
}

impl Exchange {
    /// Makes the body of the response.
    pub(super) fn body(self, bytes: Bytes) -> ResponseBytes {
        self.moves();
        ResponseBytes { bytes, exchange: self, taken: 0 }
    }

    fn moves(&self) {
        self.exchanges.state().open.insert(self.id, Some(Instant::now()));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.exchanges.state();
        state.open.remove(&self.id);
        if state.open.is_empty() {
            (state.idle_since, state.sent_before) = (Instant::now(), None);
        }
    }
}

/// The bytes of a response. HTTP advances them as the client takes them.
pub(super) struct ResponseBytes {
    bytes: Bytes,
    exchange: Exchange,
    /// The bytes that were taken since the exchange moved.
    taken: usize,
}

/// The bytes of a response that a client must take in its time.
const STEP: usize = 4 << 10;

impl Buf for ResponseBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.taken += count;
        if self.taken >= STEP {
            self.taken = 0;
            self.exchange.moves();
        }
    }
}
