//! A mirror: a catalog that is kept fresh from its source, and kept when the source does not answer. The
//! source is a cluster's REST API, or a store of the shell's.
//!
//! A [`Mirror`] decides what to ask the source and when. A shell asks, and gives back the answer.
//! Meanwhile it answers calls from the mirror's [`Reader`]. Time comes from the shell, with each call.
//!
//! > After each [`poll`](Mirror::poll) there is one thing to do: make the one fetch, or wait. After each
//! > thing done, poll again.
//!
//! 1. Make the mirror, with a seed of its own. Mirrors with the same seed ask at the same moments.
//! 2. Poll.
//! 3. On `Fetch`, ask the source. Give back a cluster's response with [`answered`](Mirror::answered), a
//!    store's answer with [`stored`](Mirror::stored), or the reason why there is no answer with
//!    [`failed`](Mirror::failed), at the latest after the timeout. Go to 2.
//! 4. On `Wait`, wait until that moment, or for the answer that is outstanding. Go to 2.
//! 5. Answer calls at any time, from the [reader](Mirror::reader).
//! 6. To start while the source is down, [save](Reader::save) the catalog, and
//!    [restore](Mirror::restore) it.
//!
//! A shell that blocks does 2 to 4 in one loop. One that awaits does the same and awaits in it. One
//! that is called back does 2 in a timer:
//!
//! ```
//! use std::time::Duration;
//! use ccs_modules::access::Caller;
//! use ccs_modules::mirror::{Config, Fetch, FetchId, Mirror, Poll, Question, Stored, Timestamp};
//! use ccs_modules::{StoreError, rest, upstream};
//!
//! /// Sends a request: here, to a cluster that is down every other time.
//! fn send(request: &upstream::Request, timeout: Duration) -> Result<upstream::Response, StoreError> {
//! #   use std::cell::Cell;
//! #   thread_local!(static DOWN: Cell<bool> = const { Cell::new(true) });
//! #   if !DOWN.replace(!DOWN.get()) {
//! #       return Err(StoreError::Unavailable("connection refused".into()));
//! #   }
//!     assert_eq!(request.url(), "https://node1:9443/v1/modules");
//!     let body = br#"[{"module_name":"search","uid":"a"}]"#.to_vec();
//!     Ok(upstream::Response { status: 200, headers: vec![], body })
//! }
//!
//! /// Reads a store: here, one of which only the first version exists.
//! fn read(unless: Option<&str>) -> Result<Stored, StoreError> {
//!     if unless == Some("1") {
//!         return Ok(Stored::Unchanged);
//!     }
//!     let documents = vec![br#"{"module_name":"search","uid":"a"}"#.to_vec()];
//!     Ok(Stored::Documents { documents, version: Some("1".into()) })
//! }
//!
//! // A shell that blocks.
//! fn step(mirror: &mut Mirror, now: Timestamp) -> Timestamp {
//!     let Fetch { id, question, timeout, .. } = match mirror.poll(now) { // 2
//!         Poll::Fetch(fetch) => fetch,
//!         Poll::Wait { until } => return until,                          // 4: sleeps until then
//!     };
//!     match question {                                                   // 3
//!         Question::Request(request) => match send(&request, timeout) {
//!             Ok(response) => mirror.answered(now, id, response),
//!             Err(error) => mirror.failed(now, id, error),
//!         },
//!         Question::Documents { unless } => match read(unless.as_deref()) {
//!             Ok(stored) => mirror.stored(now, id, stored),
//!             Err(error) => mirror.failed(now, id, error),
//!         },
//!     };
//!     now
//! }
//!
//! // A shell that awaits, and has a store alone.
//! async fn step_async(mirror: &mut Mirror, now: Timestamp) -> Timestamp {
//!     match mirror.poll(now) {
//!         Poll::Fetch(Fetch { id, question, .. }) => {
//!             let Question::Documents { unless } = question else { unreachable!("a store") };
//!             match async { read(unless.as_deref()) }.await {
//!                 Ok(stored) => mirror.stored(now, id, stored),
//!                 Err(error) => mirror.failed(now, id, error),
//!             };
//!             now
//!         }
//!         Poll::Wait { until } => until,
//!     }
//! }
//!
//! // A shell that is called back, as a proxy's filter is. It keeps the id of what it sent.
//! struct Filter {
//!     mirror: Mirror,
//!     sent: Option<FetchId>,
//! }
//! impl Filter {
//!     fn on_tick(&mut self, now: Timestamp) {
//!         if let Poll::Fetch(fetch) = self.mirror.poll(now) {
//!             self.sent = Some(fetch.id); // and dispatches the request
//!         }
//!     }
//!     fn on_response(&mut self, now: Timestamp, response: upstream::Response) {
//!         if let Some(id) = self.sent.take() {
//!             self.mirror.answered(now, id, response);
//!             self.on_tick(now); // a redirect is followed at once
//!         }
//!     }
//! }
//!
//! let config = br#"{"nodes":["https://node1:9443"],"refresh_ms":30000}"#;
//! let mut mirror = Mirror::new(Config::parse(config)?, 4711);           // 1
//! let caller = Caller::Authenticated(vec!["db_viewer".to_string()]);
//! let request =
//!     rest::Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
//! assert_eq!(mirror.reader().handle(Timestamp(0), &request).status, 503);
//!
//! let mut now = Timestamp(0);
//! while now < Timestamp(3_600_000) {
//!     now = step(&mut mirror, now);
//! }
//! let response = mirror.reader().handle(now, &request);                  // 5
//! assert_eq!(response.status, 200);
//! assert!(response.headers.iter().any(|(name, _)| name == "age"));
//!
//! let saved = mirror.reader().save(now).expect("a catalog is kept");    // 6
//! let mut restarted = Mirror::new(Config::parse(config)?, 4712);
//! restarted.restore(Timestamp(0), saved)?;
//! assert_eq!(restarted.reader().handle(Timestamp(0), &request).status, 200);
//!
//! let mut stored = Mirror::new(Config::for_store(), 4713);
//! let later = futures_lite::future::block_on(step_async(&mut stored, Timestamp(60_000)));
//! assert_eq!(later, Timestamp(60_000));
//! assert!(stored.reader().view(later).is_ok());
//!
//! let mut filter = Filter { mirror: Mirror::new(Config::parse(config)?, 4714), sent: None };
//! filter.on_tick(Timestamp(0));
//! let response = upstream::Response { status: 200, headers: vec![], body: b"[]".to_vec() };
//! filter.on_response(Timestamp(12), response);
//! assert!(filter.mirror.reader().view(Timestamp(12)).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache_status;
mod config;
mod fetches;
mod kept;
mod reader;
mod schedule;
mod source;
#[cfg(test)]
mod tests;
mod time;

pub use crate::mirror::config::Config;
pub use crate::mirror::fetches::{Ended, Fetch, FetchCounts, FetchId, Mirror, Outcome, Poll};
pub use crate::mirror::kept::{Changes, Freshness, Saved, Validation, View};
pub use crate::mirror::reader::{Reader, Status};
pub use crate::mirror::source::{Failure, Question, Stored};
pub use crate::mirror::time::Timestamp;
