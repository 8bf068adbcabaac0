//! Calls of an upstream that several nodes may have to be asked for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::body::{find, split};
use crate::error::StoreError;
use crate::limits::Limits;
use crate::upstream::{Answer as NodeAnswer, Request, Response, Upstream};

/// A call of an upstream: its nodes are asked one after the other until one answers.
///
/// 1. [Poll](Self::poll), with the time that is left.
/// 2. On `Send`, send the request. Give back the response with [`answered`](Self::answered), or say
///    with [`failed`](Self::failed) why there is none, at the latest after the timeout; go to 1.
/// 3. On `Done`, the call has ended.
///
/// ```
/// use std::time::Duration;
/// use ccs_modules::upstream::{Node, Response, Turn, Upstream};
///
/// let nodes = vec![Node::parse("https://node1:9443")?, Node::parse("https://node2:9443")?];
/// let upstream = Upstream::new(nodes)?;
/// let mut call = upstream.list_call();
/// let body = loop {
///     match call.poll(Duration::from_secs(5)) {
///         Turn::Send { request, .. } if request.node == 0 => call.failed("connection refused"),
///         Turn::Send { .. } => {
///             call.answered(Response { status: 200, headers: vec![], body: b"[]".to_vec() });
///         }
///         Turn::Done(outcome) => break outcome?,
///     }
/// };
/// assert_eq!(body, b"[]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Call<'a, T> {
    upstream: &'a Upstream,
    /// The uid that is asked for; empty for the list.
    uid: &'a str,
    request: fn(&Upstream, usize, &str) -> Option<Request>,
    read: Read<T>,
    state: State<T>,
    /// The node to ask next.
    node: usize,
    /// The time that belongs to the nodes after the one that is asked.
    reserve: Duration,
    failures: Vec<StoreError>,
}

/// The next thing to do.
#[derive(Debug)]
#[must_use = "a call goes on only where its requests are sent"]
pub enum Turn<T> {
    /// Send this request.
    Send {
        /// The request.
        request: Request,
        /// The time to wait for the whole response.
        timeout: Duration,
    },
    /// The outcome of the call. The error is of the kind of the first failure, with the reason of each
    /// node.
    Done(Result<T, StoreError>),
}

/// A function that reads the response to a request, for a call with this uid.
type Read<T> = fn(&Upstream, &Request, Response, &str) -> Result<Answer<T>, StoreError>;

enum State<T> {
    /// The next node is to be asked.
    Next,
    /// This request is to be sent, or has been sent.
    Asked(Request),
    Answered(T),
}

/// The answer of a node.
enum Answer<T> {
    Found(T),
    Redirect(Request),
}

impl Upstream {
    /// Begins a call for the body of the list, an array of documents.
    pub fn list_call(&self) -> Call<'_, Vec<u8>> {
        Call::new(self, "", |upstream, node, _| upstream.list(node, None), read_list)
    }

    /// Begins a call for the document of the module with this uid; none if there is no such module.
    pub fn module_call<'a>(&'a self, uid: &'a str) -> Call<'a, Option<Vec<u8>>> {
        if self.module(0, uid).is_some() {
            return Call::new(self, uid, Self::module, read_module);
        }
        // No path leads to a uid that would change the path.
        Call::new(self, uid, |upstream, node, _| upstream.list(node, None), read_from_list)
    }
}

impl<'a, T> Call<'a, T> {
    fn new(
        upstream: &'a Upstream,
        uid: &'a str,
        request: fn(&Upstream, usize, &str) -> Option<Request>,
        read: Read<T>,
    ) -> Self {
        let (state, reserve) = (State::Next, Duration::ZERO);
        Self { upstream, uid, request, read, state, node: 0, reserve, failures: Vec::new() }
    }

    /// Says what to do next. A node that does not answer leaves time for the others: each may take an
    /// equal part of what is left.
    pub fn poll(&mut self, left: Duration) -> Turn<T> {
        match mem::replace(&mut self.state, State::Next) {
            State::Answered(answer) => return Turn::Done(Ok(answer)),
            State::Asked(request) => return self.send(request, left),
            State::Next => {}
        }
        while let Some(nodes @ 1..) = self.upstream.nodes().len().checked_sub(self.node) {
            let request = (self.request)(self.upstream, self.node, self.uid);
            self.node += 1;
            if let Some(request) = request {
                let part = left / u32::try_from(nodes).unwrap_or(u32::MAX);
                self.reserve = left.saturating_sub(part);
                return self.send(request, left);
            }
        }
        Turn::Done(Err(joined(&self.failures)))
    }

    /// Takes the response to the request.
    pub fn answered(&mut self, response: Response) {
        if let State::Asked(request) = mem::replace(&mut self.state, State::Next) {
            match (self.read)(self.upstream, &request, response, self.uid) {
                Ok(Answer::Found(answer)) => self.state = State::Answered(answer),
                Ok(Answer::Redirect(next)) => self.state = State::Asked(next),
                Err(error) => self.failures.push(error),
            }
        }
    }

    /// Takes the news that the request has no response, and why: in the shell's own words, which reach
    /// clients and hold no credentials.
    pub fn failed(&mut self, why: &str) {
        if let State::Asked(request) = mem::replace(&mut self.state, State::Next) {
            self.failures.push(request.failed(why));
        }
    }

    /// Makes the whole call within this time, for a shell that blocks. `now` returns the time since some
    /// moment, which does not go back. `send` sends a request, and returns the response within the
    /// timeout, or the shell's own words for why there is none, without credentials.
    ///
    /// # Errors
    ///
    /// As for [`Turn::Done`].
    pub fn resolve(
        mut self,
        time: Duration,
        now: impl Fn() -> Duration,
        send: impl Fn(&Request, Duration) -> Result<Response, String>,
    ) -> Result<T, StoreError> {
        let deadline = now().saturating_add(time);
        loop {
            match self.poll(deadline.saturating_sub(now())) {
                Turn::Send { request, timeout } => match send(&request, timeout) {
                    Ok(response) => self.answered(response),
                    Err(why) => self.failed(&why),
                },
                Turn::Done(outcome) => return outcome,
            }
        }
    }

    fn send(&mut self, request: Request, left: Duration) -> Turn<T> {
        self.state = State::Asked(request.clone());
        Turn::Send { request, timeout: left.saturating_sub(self.reserve) }
    }
}

fn read_list(
    upstream: &Upstream,
    request: &Request,
    response: Response,
    _: &str,
) -> Result<Answer<Vec<u8>>, StoreError> {
    match upstream.read(request, response)? {
        NodeAnswer::Body { body, .. } => match split(&body) {
            Ok(_) => Ok(Answer::Found(body)),
            Err(error) => Err(request.failed(&format!("the list is refused: {error}"))),
        },
        NodeAnswer::Redirect(next) => Ok(Answer::Redirect(next)),
        NodeAnswer::NotFound | NodeAnswer::Unchanged { .. } => {
            Err(request.failed("it answered 304 to a request without an entity tag"))
        }
    }
}

fn read_module(
    upstream: &Upstream,
    request: &Request,
    response: Response,
    _: &str,
) -> Result<Answer<Option<Vec<u8>>>, StoreError> {
    Ok(match upstream.read(request, response)? {
        NodeAnswer::Body { body, .. } => Answer::Found(Some(body)),
        NodeAnswer::NotFound | NodeAnswer::Unchanged { .. } => Answer::Found(None),
        NodeAnswer::Redirect(next) => Answer::Redirect(next),
    })
}

fn read_from_list(
    upstream: &Upstream,
    request: &Request,
    response: Response,
    uid: &str,
) -> Result<Answer<Option<Vec<u8>>>, StoreError> {
    Ok(match read_list(upstream, request, response, uid)? {
        Answer::Found(body) => {
            let documents = split(&body).unwrap_or_default();
            let found = find(&documents, uid, &Limits::default());
            Answer::Found(found.map(|document| document.to_vec()))
        }
        Answer::Redirect(next) => Answer::Redirect(next),
    })
}

/// Returns the error for nodes that all failed: of the kind of the first failure, with every reason.
fn joined(failures: &[StoreError]) -> StoreError {
    let kind = match failures.first() {
        Some(StoreError::Denied(_)) => StoreError::Denied,
        Some(StoreError::TooLong(_)) => StoreError::TooLong,
        Some(StoreError::Unavailable(_)) => StoreError::Unavailable,
        _ => StoreError::Other,
    };
    kind(failures.iter().map(StoreError::reason).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;
    use core::cell::{Cell, RefCell};

    use super::*;
    use crate::upstream::Node;

    const TIMEOUT: Duration = Duration::from_secs(3);

    fn upstream(nodes: &[&str]) -> Upstream {
        Upstream::new(nodes.iter().map(|url| Node::parse(url).unwrap()).collect()).unwrap()
    }

    fn response(status: u16, body: &str) -> Result<Response, &'static str> {
        Ok(Response { status, headers: Vec::new(), body: body.into() })
    }

    fn redirect(location: &str) -> Result<Response, &'static str> {
        let headers = [("location".into(), location.into())].into();
        Ok(Response { status: 307, headers, body: Vec::new() })
    }

    /// Makes a call with these responses. Returns the URLs that were asked for, and the outcome.
    fn resolve<T>(
        mut call: Call<'_, T>,
        responses: &[Result<Response, &'static str>],
    ) -> (Vec<String>, Result<T, StoreError>) {
        let mut asked = Vec::new();
        loop {
            match call.poll(TIMEOUT) {
                Turn::Send { request, .. } => {
                    let response = responses.get(asked.len()).cloned();
                    asked.push(request.url());
                    match response.unwrap_or(Err("no response is scripted")) {
                        Ok(response) => call.answered(response),
                        Err(why) => call.failed(why),
                    }
                }
                Turn::Done(outcome) => return (asked, outcome),
            }
        }
    }

    #[test]
    fn the_first_node_that_answers_counts() {
        let upstream = upstream(&["http://a", "http://b", "http://c"]);
        let responses = [Err("connection refused"), response(200, "[{\"uid\":\"1\"}]")];
        let (asked, outcome) = resolve(upstream.list_call(), &responses);
        assert_eq!(outcome.unwrap(), b"[{\"uid\":\"1\"}]");
        assert_eq!(asked, ["http://a/v1/modules", "http://b/v1/modules"]);
    }

    #[test]
    fn a_module_is_asked_for_by_its_path_where_it_has_one() {
        let upstream = upstream(&["http://a"]);
        for (uid, path, response, expected) in [
            ("1", "/1", response(200, "{\"uid\":\"1\"}\n"), Some("{\"uid\":\"1\"}")),
            ("a/b", "/a%2Fb", response(404, ""), None),
            ("..", "", response(200, "[{\"uid\":\"..\"}]"), Some("{\"uid\":\"..\"}")),
            (".", "", response(200, "[{\"uid\":\"..\"}]"), None),
        ] {
            let (asked, outcome) = resolve(upstream.module_call(uid), &[response]);
            assert_eq!(outcome.unwrap(), expected.map(|text| text.as_bytes().to_vec()));
            assert_eq!(asked, [format!("http://a/v1/modules{path}")]);
        }
    }

    #[test]
    fn a_redirect_is_followed_to_a_configured_node_alone() {
        let upstream = upstream(&["http://a", "http://b"]);
        let responses =
            [redirect("http://b/v1/modules"), redirect("http://c/x"), response(500, "")];
        let (asked, outcome) = resolve(upstream.list_call(), &responses);
        let b = "http://b/v1/modules";
        assert_eq!(asked, ["http://a/v1/modules", b, b]);
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "the store is unavailable: http://b answered 307, a redirect to http://c, which is no \
             configured node; http://b answered 500"
        );
    }

    #[test]
    fn each_node_has_an_equal_part_of_the_time_that_is_left() {
        let upstream = upstream(&["http://a", "http://b", "http://c"]);
        let mut call = upstream.list_call();
        let mut timeout = |left: u64, then: Result<Response, &str>| {
            let Turn::Send { timeout, .. } = call.poll(Duration::from_secs(left)) else {
                panic!("the call has ended");
            };
            match then {
                Ok(response) => call.answered(response),
                Err(why) => call.failed(why),
            }
            timeout.as_secs()
        };
        assert_eq!(timeout(9, redirect("http://a/x")), 3);
        // A redirect does not prolong the turn of a node.
        assert_eq!(timeout(7, Err("late")), 1);
        assert_eq!(timeout(6, Err("refused")), 3);
        assert_eq!(timeout(6, Err("late")), 6);
        assert!(matches!(call.poll(Duration::ZERO), Turn::Done(Err(_))));
    }

    #[test]
    fn a_shell_that_blocks_leaves_time_for_every_node_and_ends_in_time() {
        let upstream = upstream(&["http://a", "http://b", "http://c"]);
        let (time, timeouts) = (Cell::new(Duration::ZERO), RefCell::new(Vec::new()));
        let late = |_: &Request, timeout: Duration| {
            time.set(time.get() + timeout);
            timeouts.borrow_mut().push(timeout.as_secs());
            Err("late".into())
        };
        let outcome = upstream.list_call().resolve(TIMEOUT, || time.get(), late);
        let expected = "http://a: late; http://b: late; http://c: late";
        assert_eq!(outcome.unwrap_err(), StoreError::Unavailable(expected.into()));
        assert_eq!((timeouts.into_inner(), time.get()), (vec![1, 1, 1], TIMEOUT));

        let found = |request: &Request, _: Duration| match request.node {
            0 => Err("late".into()),
            _ => response(200, "{\"uid\":\"1\"}").map_err(Into::into),
        };
        let outcome = upstream.module_call("1").resolve(TIMEOUT, || time.get(), found);
        assert_eq!(outcome.unwrap().unwrap(), b"{\"uid\":\"1\"}");
    }

    #[test]
    fn a_list_that_is_none_is_told_with_its_node() {
        let upstream = upstream(&["http://a"]);
        for (response, expected) in [
            (response(200, "<html>"), "http://a: the list is refused: line 1, column 1: "),
            (response(200, "[{\"uid\":"), "http://a: the list is refused: line 1, column 8: "),
            (response(304, ""), "http://a answered 304"),
            (Err("reset"), "http://a: reset"),
        ] {
            let (_, outcome) = resolve(upstream.list_call(), &[response]);
            let error = outcome.unwrap_err().to_string();
            assert!(error.starts_with(&format!("the store is unavailable: {expected}")), "{error}");
        }
        let (_, outcome) = resolve(upstream.list_call(), &[response(401, "")]);
        assert_eq!(outcome.unwrap_err(), StoreError::Denied("http://a answered 401".into()));
    }
}
