//! A network for tests: scripted responses, in virtual time.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::time::Duration;

use ccs_modules::upstream::{Node, Request, Response, Upstream};

use crate::Network;

/// Gives the responses one after the other, and then fails each request.
pub(crate) struct ScriptedNetwork {
    now: Cell<Duration>,
    responses: RefCell<VecDeque<Scripted>>,
    requests: RefCell<Vec<String>>,
}

/// A response, or the reason for its absence.
pub(crate) struct Scripted {
    /// The time that it takes.
    pub(crate) after: Duration,
    pub(crate) response: Result<Response, &'static str>,
}

/// A request that has been sent.
pub(crate) struct Exchange {
    until: Duration,
    response: Result<Response, &'static str>,
}

impl ScriptedNetwork {
    pub(crate) fn new<const N: usize>(responses: [Scripted; N]) -> Self {
        Self {
            now: Cell::new(Duration::ZERO),
            responses: RefCell::new(responses.into()),
            requests: RefCell::default(),
        }
    }

    /// Returns the URLs that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }
}

impl Network for ScriptedNetwork {
    type Exchange = Exchange;

    fn now(&self) -> Duration {
        self.now.get()
    }

    fn start(&self, request: &Request, timeout: Duration) -> Result<Exchange, String> {
        self.requests.borrow_mut().push(request.url());
        let next = self.responses.borrow_mut().pop_front();
        let Scripted { after, response } = next.unwrap_or_else(|| failing("down"));
        let response = if after < timeout { response } else { Err("no response") };
        Ok(Exchange { until: self.now() + after.min(timeout), response })
    }

    fn receive(&self, exchange: &mut Exchange) -> Option<Result<Response, String>> {
        (self.now() >= exchange.until).then(|| exchange.response.clone().map_err(Into::into))
    }

    fn wait(&self, exchange: &Exchange, longest: Duration) -> bool {
        self.sleep(exchange.until.saturating_sub(self.now()).min(longest));
        self.now() >= exchange.until
    }

    fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}

pub(crate) fn upstream(nodes: &[&str]) -> Upstream {
    Upstream::new(nodes.iter().map(|url| Node::parse(url).unwrap()).collect()).unwrap()
}

/// A response that takes no time.
pub(crate) fn at_once(status: u16, body: &str) -> Scripted {
    let response = Response { status, headers: Vec::new(), body: body.into() };
    Scripted { after: Duration::ZERO, response: Ok(response) }
}

pub(crate) fn redirect(location: &str) -> Scripted {
    let headers = [("location".into(), location.into())].into();
    let response = Response { status: 307, headers, body: Vec::new() };
    Scripted { after: Duration::ZERO, response: Ok(response) }
}

pub(crate) fn failing(why: &'static str) -> Scripted {
    Scripted { after: Duration::ZERO, response: Err(why) }
}
