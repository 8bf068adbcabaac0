//! Calls of an upstream, for which one node after the other is asked.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::body::{find, split};
use crate::error::StoreError;
use crate::limits::Limits;
use crate::upstream::{Answer, Request, Response, Upstream};

/// A call of an upstream. Its nodes are asked one after the other until one answers.
///
/// 1. [Start](Self::start), with the time for the whole call.
/// 2. On `Send`, send the request. Give back the response with [`answered`](Exchange::answered), or
///    the reason why there is no response with [`failed`](Exchange::failed), at the latest after the timeout,
///    and the time that is left. Both return the next thing to do.
/// 3. On `Done`, the call has ended.
///
/// ```
/// use std::time::Duration;
/// use ccs_modules::upstream::{Next, Node, Response, Upstream};
///
/// let nodes = vec![Node::parse("https://node1:9443")?, Node::parse("https://node2:9443")?];
/// let upstream = Upstream::new(nodes)?;
/// let left = Duration::from_secs(5); // by a clock, in a shell
/// let mut next = upstream.list_call().start(left);
/// let body = loop {
///     next = match next {
///         Next::Send(exchange) if exchange.request.node == 0 => {
///             exchange.failed("connection refused", left)
///         }
///         Next::Send(exchange) => {
///             let response = Response { status: 200, headers: vec![], body: b"[]".to_vec() };
///             exchange.answered(response, left)
///         }
///         Next::Done(outcome) => break outcome?,
///     }
/// };
/// assert_eq!(body, b"[]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a call sends nothing until it is started"]
pub struct Call<'a, T> {
    upstream: &'a Upstream,
    /// The uid of the module to ask for; `None` for the list.
    uid: Option<&'a str>,
    read: Read<'a, T>,
    /// The index of the node to ask next.
    node: usize,
    /// The number of nodes that have not been asked yet.
    unasked: u32,
    /// The time that is reserved for these nodes.
    reserve: Duration,
    failures: Vec<StoreError>,
}

/// A function that makes the outcome of a call from a body; `None` if there is no such module.
type Read<'a, T> = Box<dyn Fn(Option<Vec<u8>>) -> T + Send + Sync + 'a>;

/// The next thing to do.
#[must_use = "a call goes on only if its requests are sent"]
#[allow(clippy::large_enum_variant, reason = "it is moved once for each request")]
pub enum Next<'a, T> {
    /// Send the request.
    Send(Exchange<'a, T>),
    /// The outcome of the call. The error has the reason of each node that was asked. It is
    /// [`StoreError::Denied`] if a node refused the credentials, which ends a call. Otherwise it has the kind
    /// of the first failure.
    Done(Result<T, StoreError>),
}

/// A request of a call, which waits for its response.
#[must_use = "a call goes on only if its requests are sent"]
pub struct Exchange<'a, T> {
    /// The request.
    pub request: Request,
    /// The time to wait for the whole response, more than zero.
    pub timeout: Duration,
    call: Call<'a, T>,
}

impl Upstream {
    /// Makes a call for the body of the list, an array of documents.
    pub fn list_call(&self) -> Call<'_, Vec<u8>> {
        Call::new(self, None, Option::unwrap_or_default)
    }

    /// Makes a call for the document of the module with this uid; its outcome is `None` if there is no
    /// such module. The limits are for a module that must be looked up in the list.
    pub fn module_call<'a>(&'a self, uid: &'a str, limits: &Limits) -> Call<'a, Option<Vec<u8>>> {
        if self.module(0, uid).is_some() {
            return Call::new(self, Some(uid), |body| body);
        }

        let limits = *limits;
        Call::new(self, None, move |body| {
            // It is an array of objects: `Upstream::read` has checked it.
            let list = body?;
            let documents = split(&list).ok()?;
            find(&documents, uid, &limits).map(|document| document.to_vec())
        })
    }
}

impl<'a, T> Call<'a, T> {
    fn new(
        upstream: &'a Upstream,
        uid: Option<&'a str>,
        read: impl Fn(Option<Vec<u8>>) -> T + Send + Sync + 'a,
    ) -> Self {
        let nodes = upstream.nodes().len();
        Self {
            upstream,
            uid,
            read: Box::new(read),
            node: 0,
            unasked: u32::try_from(nodes).unwrap_or(u32::MAX),
            reserve: Duration::ZERO,
            failures: Vec::new(),
        }
    }

    /// Starts the call, which may take this long. A node that does not answer leaves time for the others.
    /// Each may take an equal part of what is left.
    pub fn start(self, left: Duration) -> Next<'a, T> {
        self.ask_next(left)
    }

    fn ask_next(mut self, left: Duration) -> Next<'a, T> {
        let request = match self.uid {
            Some(uid) => self.upstream.module(self.node, uid),
            None => self.upstream.list(self.node, None),
        };
        let (Some(request), Some(part)) = (request, left.checked_div(self.unasked)) else {
            return Next::Done(Err(joined(&self.failures)));
        };
        if part.is_zero() {
            self.failures.push(StoreError::Unavailable("no time is left".into()));
            return Next::Done(Err(joined(&self.failures)));
        }

        self.node += 1;
        self.unasked -= 1;
        self.reserve = left.saturating_sub(part);
        Next::Send(Exchange { request, timeout: part, call: self })
    }

    /// Goes on after a node that failed. Refused credentials end the call, because all nodes have the
    /// same accounts.
    fn go_on(mut self, error: StoreError, left: Duration) -> Next<'a, T> {
        let is_denied = matches!(error, StoreError::Denied(_));
        self.failures.push(error);
        match is_denied {
            true => Next::Done(Err(joined(&self.failures))),
            false => self.ask_next(left),
        }
    }

    /// Makes the whole call within this time, for a shell that blocks. `now` returns the time since some
    /// moment, which does not go back. `send` sends a request, and returns the response within the
    /// timeout, or the reason why there is no response, without credentials.
    ///
    /// # Errors
    ///
    /// As for [`Next::Done`].
    pub fn resolve(
        self,
        time: Duration,
        now: impl Fn() -> Duration,
        send: impl Fn(&Request, Duration) -> Result<Response, String>,
    ) -> Result<T, StoreError> {
        let deadline = now().saturating_add(time);
        let left = || deadline.saturating_sub(now());
        let mut next = self.start(time);
        loop {
            next = match next {
                Next::Send(exchange) => match send(&exchange.request, exchange.timeout) {
                    Ok(response) => exchange.answered(response, left()),
                    Err(why) => exchange.failed(&why, left()),
                },
                Next::Done(outcome) => return outcome,
            }
        }
    }
}

impl<'a, T> Exchange<'a, T> {
    /// Takes the response, and the time that is left for the call.
    pub fn answered(self, response: Response, left: Duration) -> Next<'a, T> {
        let Self { request, call, .. } = self;
        match call.upstream.read(&request, response) {
            Ok(Answer::Body { body, .. }) => Next::Done(Ok((call.read)(Some(body)))),
            Ok(Answer::NotFound | Answer::Unchanged { .. }) => Next::Done(Ok((call.read)(None))),
            Ok(Answer::Redirect(request)) => {
                // The node that redirected has used a part of its time.
                let timeout = left.saturating_sub(call.reserve);
                let exchange = Self { request, timeout, call };
                match timeout.is_zero() {
                    true => exchange.failed("no time is left", left),
                    false => Next::Send(exchange),
                }
            }
            Err(error) => call.go_on(error, left),
        }
    }

    /// Takes the reason why there is no response, and the time that is left for the call. The reason
    /// is in the shell's own words, which reach clients and contain no credentials.
    pub fn failed(self, why: &str, left: Duration) -> Next<'a, T> {
        let error = self.request.failed(why);
        self.call.go_on(error, left)
    }
}

/// Returns the error for nodes that failed, with every reason. It has the kind of the last failure if that is
/// refused credentials, else of the first.
fn joined(failures: &[StoreError]) -> StoreError {
    let kind = match failures {
        [.., StoreError::Denied(_)] => StoreError::Denied,
        [StoreError::TooLong(_), ..] => StoreError::TooLong,
        [StoreError::Unavailable(_), ..] => StoreError::Unavailable,
        _ => StoreError::Other,
    };
    kind(failures.iter().map(StoreError::reason).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::{format, vec};
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
        call: Call<'_, T>,
        responses: &[Result<Response, &'static str>],
    ) -> (Vec<String>, Result<T, StoreError>) {
        let mut asked = Vec::new();
        let mut next = call.start(TIMEOUT);
        loop {
            next = match next {
                Next::Send(exchange) => {
                    let response = responses.get(asked.len()).cloned();
                    asked.push(exchange.request.url());
                    match response.unwrap_or(Err("no response is scripted")) {
                        Ok(response) => exchange.answered(response, TIMEOUT),
                        Err(why) => exchange.failed(why, TIMEOUT),
                    }
                }
                Next::Done(outcome) => return (asked, outcome),
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
    fn a_module_is_asked_for_by_its_path_if_it_has_one() {
        let upstream = upstream(&["http://a"]);
        for (uid, path, response, expected) in [
            ("1", "/1", response(200, "{\"uid\":\"1\"}\n"), Some("{\"uid\":\"1\"}")),
            ("a/b", "/a%2Fb", response(404, r#"{"error_code":"module_not_exist"}"#), None),
            ("..", "", response(200, "[{\"uid\":\"..\"}]"), Some("{\"uid\":\"..\"}")),
            (".", "", response(200, "[{\"uid\":\"..\"}]"), None),
        ] {
            let (asked, outcome) =
                resolve(upstream.module_call(uid, &Limits::default()), &[response]);
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
        let second = Duration::from_secs(1);
        fn sent<'a, T>(next: Next<'a, T>, url: &str, seconds: u64) -> Exchange<'a, T> {
            let Next::Send(exchange) = next else { panic!("the call has ended") };
            assert_eq!((&*exchange.request.url(), exchange.timeout.as_secs()), (url, seconds));
            exchange
        }
        let redirect = |path| redirect(path).unwrap();
        let a = sent(upstream.list_call().start(second * 9), "http://a/v1/modules", 3);
        // A redirect does not prolong the time of a node.
        let a = sent(a.answered(redirect("http://a/x"), second * 7), "http://a/x", 1);
        let b = sent(a.failed("late", second * 6), "http://b/v1/modules", 3);
        let c = sent(b.answered(redirect("/x"), second * 3), "http://c/v1/modules", 3);
        let Next::Done(outcome) = c.failed("late", Duration::ZERO) else { panic!() };
        let expected = "http://a: late; http://b: no time is left; http://c: late";
        assert_eq!(outcome, Err(StoreError::Unavailable(expected.into())));
    }

    #[test]
    fn a_call_without_time_sends_nothing() {
        let upstream = upstream(&["http://a", "http://b"]);
        let no_time = |next: Next<'_, Vec<u8>>| match next {
            Next::Send(_) => panic!("a request is sent"),
            Next::Done(outcome) => outcome.unwrap_err().to_string(),
        };
        let expected = "the store is unavailable: no time is left";
        assert_eq!(no_time(upstream.list_call().start(Duration::ZERO)), expected);
        let Next::Send(exchange) = upstream.list_call().start(TIMEOUT) else { panic!() };
        let expected = "the store is unavailable: http://a: late; no time is left";
        assert_eq!(no_time(exchange.failed("late", Duration::ZERO)), expected);
    }

    #[test]
    fn a_module_is_looked_up_within_the_limits_of_the_call() {
        let upstream = upstream(&["http://a"]).with_module_path(None).unwrap();
        let limits = Limits { uid_bytes: 1, ..Limits::default() };
        let list = || [response(200, r#"[{"uid":"ab"}]"#)];
        let (_, outcome) = resolve(upstream.module_call("ab", &limits), &list());
        assert_eq!(outcome, Ok(None));
        let (_, outcome) = resolve(upstream.module_call("ab", &Limits::default()), &list());
        assert!(outcome.unwrap().is_some());
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
        let outcome =
            upstream.module_call("1", &Limits::default()).resolve(TIMEOUT, || time.get(), found);
        assert_eq!(outcome.unwrap().unwrap(), b"{\"uid\":\"1\"}");
    }

    #[test]
    fn an_error_names_the_node_of_a_malformed_list() {
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
