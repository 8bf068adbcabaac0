//! A network for tests: scripted responses, in virtual time.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::time::Duration;

use ccs_modules::upstream::{Node, Request, Response, Upstream};

use crate::Network;

/// Gives the responses one after the other, and then none. A request takes no time.
pub(crate) struct Scripted {
    now: Cell<Duration>,
    responses: RefCell<VecDeque<Result<Response, &'static str>>>,
    requests: RefCell<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new<const N: usize>(responses: [Result<Response, &'static str>; N]) -> Self {
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

impl Network for Scripted {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn send(&self, request: &Request, _: Duration) -> Result<Response, String> {
        self.requests.borrow_mut().push(request.url());
        let response = self.responses.borrow_mut().pop_front().unwrap_or(Err("down"));
        response.map_err(Into::into)
    }

    fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}

pub(crate) fn upstream(nodes: &[&str]) -> Upstream {
    Upstream::new(nodes.iter().map(|url| Node::parse(url).unwrap()).collect()).unwrap()
}

pub(crate) fn response(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}

pub(crate) fn redirect(location: &str) -> Response {
    let headers = [("location".into(), location.into())].into();
    Response { status: 307, headers, body: Vec::new() }
}
