//! Callers about whom the cluster is asked.
//!
//! Only the plugin's context sends the questions. The proxy cancels the calls of a request's context when its client
//! disconnects, and a denial that nobody sees would not be counted. So a request queues its question, and the next
//! tick, a millisecond later, sends it.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use ccs_modules::access::{Caller, Login, LoginOptions, Logins, Question};
use ccs_modules::rest::{ErrorResponse, Request};
use ccs_modules::upstream::Node;
use proxy_wasm::hostcalls;

use crate::config::{Error, Upstream, name_of};
use crate::mirrored::now;
use crate::names::{SharedNames, shared_key};
use crate::upstream::{self, Headers, NoResponse};

/// The logins of a worker, and the requests that wait for them.
pub struct Callers {
    upstream: Upstream,
    options: LoginOptions,
    key: [u8; 32],
    logins: Logins<SharedNames>,
    /// The latest time.
    now: Duration,
    /// The requests that are paused, by the number of the stream.
    paused: BTreeMap<u32, Paused>,
    /// The questions that the next tick sends, each with the stream that asks.
    queued: Vec<(u32, Question)>,
    /// The questions that have no response yet, by the proxy's number of the call.
    asked: BTreeMap<u32, (u32, Question)>,
    /// The period of the tick that was set here; `None` if the mirror's is in force.
    tick: Option<Duration>,
}

/// A request whose caller is not known yet.
struct Paused {
    received: Received,
    /// Whether its own question is open. Otherwise it waits for another login.
    asks: bool,
}

/// A client's request.
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: Headers,
}

/// The caller, or the response if nobody knows who is calling.
pub type Verdict = Result<Caller, ErrorResponse>;

/// The end of a pause: the stream, its request and the caller.
pub type Ended = (u32, Received, Verdict);

impl Received {
    /// Returns the header fields.
    pub fn fields(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    /// Returns the request of this caller, for the core.
    pub fn request<'a>(
        &'a self,
        headers: &'a [(&'a str, &'a [u8])],
        caller: &'a Caller,
    ) -> Request<'a> {
        Request { method: &self.method, target: &self.target, headers, caller }
    }
}

impl Callers {
    /// Makes the logins at this upstream.
    pub fn new(upstream: Upstream, options: LoginOptions) -> Result<Self, Error> {
        let key = shared_key()
            .ok_or_else(|| Error::new("access.cluster", "the proxy gives no randomness"))?;
        let (paused, queued, asked) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let logins = logins(&upstream, options, key);
        Ok(Self { upstream, options, key, logins, now: now(), paused, queued, asked, tick: None })
    }

    /// Finds out who sent a request, or pauses it.
    pub fn begin(&mut self, stream: u32, received: Received) -> Option<(Received, Verdict)> {
        let question = match self.login(&received) {
            Login::Known(caller, _) => return Some((received, Ok(caller))),
            Login::Refused(error) => return Some((received, Err(error))),
            Login::Wait if self.paused.len() >= MOST_PAUSED => {
                let why = "very many callers wait until the cluster knows them";
                return Some((received, Err(ErrorResponse::new(503, "caller_unknown", why))));
            }
            Login::Wait => None,
            Login::Ask(question) => Some((stream, *question)),
        };

        self.paused.insert(stream, Paused { received, asks: question.is_some() });
        self.queued.extend(question);
        None
    }

    /// Forgets a request that has ended. Its question goes on.
    pub fn forget(&mut self, stream: u32) {
        self.paused.remove(&stream);
    }

    /// Sends the questions that are queued, and returns the requests whose callers are known now.
    pub fn tick(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        for (stream, question) in mem::take(&mut self.queued) {
            self.go_on(stream, Login::Ask(Box::new(question)), &mut ended);
        }
        self.go_on_waiting(&mut ended);
        ended
    }

    /// Takes the response to a question, and returns the requests whose callers are known now. Returns `None`
    /// if the call asked something else.
    pub fn take_response(&mut self, token: u32, headers: usize, body: usize) -> Option<Vec<Ended>> {
        let (stream, question) = self.asked.remove(&token)?;
        let now = self.pass();
        let login = match upstream::response(&question.request, headers, body) {
            Ok(response) => self.logins.answered(question, response, now),
            Err(NoResponse(why)) => self.logins.failed(question, &why, now),
        };

        let mut ended = Vec::new();
        self.go_on(stream, login, &mut ended);
        self.go_on_waiting(&mut ended);
        Some(ended)
    }

    /// Sets the next tick, if one is needed sooner than it comes. Each call of the proxy puts the tick off, so many
    /// requests must not call it.
    pub fn set_tick(&mut self) {
        let needed = if !self.queued.is_empty() {
            QUEUED_TICK
        } else if self.paused.values().any(|paused| !paused.asks) {
            WAITING_TICK
        } else {
            return;
        };
        if self.tick.is_none_or(|tick| needed < tick) {
            self.tick = Some(needed);
            let _ = hostcalls::set_tick_period(needed);
        }
    }

    /// Sets the next tick after the mirror has set its own.
    pub fn set_tick_anew(&mut self) {
        self.tick = None;
        self.set_tick();
    }

    /// Sends the next question of a login, or ends the pause of its request.
    fn go_on(&mut self, stream: u32, mut login: Login, ended: &mut Vec<Ended>) {
        let verdict = loop {
            match login {
                Login::Known(caller, _) => break Ok(caller),
                Login::Refused(error) => break Err(error),
                Login::Wait => return,
                Login::Ask(mut question) => match self.send(&mut question) {
                    Ok(token) => {
                        self.asked.insert(token, (stream, *question));
                        if let Some(paused) = self.paused.get_mut(&stream) {
                            paused.asks = true;
                        }
                        return;
                    }
                    Err(NoResponse(why)) => {
                        let now = self.pass();
                        login = self.logins.failed(*question, &why, now);
                    }
                },
            }
        };
        // A client that has left needs no answer.
        let paused = self.paused.remove(&stream);
        ended.extend(paused.map(|Paused { received, .. }| (stream, received, verdict)));
    }

    /// Begins again with the requests that wait for another login, of this worker or of another one.
    fn go_on_waiting(&mut self, ended: &mut Vec<Ended>) {
        let waiting = self.paused.iter().filter(|(_, paused)| !paused.asks);
        let waiting: Vec<_> = waiting.map(|(stream, _)| *stream).collect();
        for stream in waiting {
            if let Some(Paused { received, asks }) = self.paused.remove(&stream) {
                let login = self.login(&received);
                self.paused.insert(stream, Paused { received, asks });
                self.go_on(stream, login, ended);
            }
        }
    }

    fn login(&mut self, received: &Received) -> Login {
        let now = self.pass();
        self.logins.begin(&received.fields(), now)
    }

    fn send(&self, Question { request, timeout, .. }: &mut Question) -> Result<u32, NoResponse> {
        keep_safe_retries(&mut request.headers);
        upstream::send(&self.upstream.cluster, request, &Headers::new(), *timeout)
    }

    /// Returns the time. If the proxy's clock has gone back, all callers are asked about again: a time before the
    /// question would let them in for longer.
    fn pass(&mut self) -> Duration {
        let now = now();
        if now < self.now {
            self.logins = logins(&self.upstream, self.options, self.key);
        }
        self.now = now;
        now
    }
}

/// Lets the proxy send a question once more only if no node has judged the credentials. A slow node could deny each
/// of ten attempts, and lock the user.
fn keep_safe_retries(headers: &mut Vec<(String, String)>) {
    const RETRY_ON: &str = "x-envoy-retry-on";
    const SAFE: [(&str, &str); 2] = [
        (RETRY_ON, "connect-failure,refused-stream,retriable-status-codes"),
        ("x-envoy-retriable-status-codes", "307"),
    ];

    let retries = headers.iter().any(|(name, _)| name == RETRY_ON);
    headers.retain(|(name, _)| !name.starts_with("x-envoy-") || name == "x-envoy-max-retries");
    if retries {
        headers.extend(SAFE.map(|(name, value)| (name.into(), value.into())));
    }
}

fn logins(upstream: &Upstream, options: LoginOptions, key: [u8; 32]) -> Logins<SharedNames> {
    // The account that asks for the list does not matter, nor which of the proxy's clusters has the nodes.
    let authorities: Vec<_> = upstream.api.nodes().iter().map(Node::authority).collect();
    let name = name_of(authorities);
    Logins::with_names(upstream.api.clone(), options, key, SharedNames::new(&name))
}

/// The time until a question is sent.
const QUEUED_TICK: Duration = Duration::from_millis(1);

/// The time between two looks whether another worker's login has ended.
const WAITING_TICK: Duration = Duration::from_millis(20);

/// The most requests that wait for another login.
const MOST_PAUSED: usize = 1000;
