//! The context of one request, which has the core's question while the upstream is asked.

use std::borrow::Cow;
use std::rc::Rc;

use ccs_modules::access::Caller;
use ccs_modules::rest::{self, ErrorResponse, Response};
use ccs_modules::upstream::{Answer, Upstream as Api};
use ccs_modules::{Ask, AskDocument, Step, StoreError};
use percent_encoding::{CONTROLS, percent_encode};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel, MapType, Status};

use crate::callers::{Received, Verdict};
use crate::config::Ccs;
use crate::log;
use crate::root::{Access, Plugin};
use crate::upstream::{self, Failure, FailureKind, Headers, NoResponse};

/// The context of one request.
pub struct Stream {
    id: u32,
    plugin: Rc<Plugin>,
    pending: Option<Pending>,
}

/// A request to the upstream that has no response yet.
struct Pending {
    question: Question,
    request: upstream::Request,
    /// The header fields of the client's request that trace it.
    trace: Headers,
}

/// The core's question, by the resource of the upstream that answers it.
enum Question {
    List(Ask<Response>),
    Module(AskDocument<Response>),
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.begin().unwrap_or_else(|status| {
            reset(status);
            Action::Pause
        })
    }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        if let Some(callers) = self.plugin.callers() {
            callers.borrow_mut().forget(self.id);
        }
        true
    }

    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, _: usize) {
        if let Some(pending) = self.pending.take() {
            self.proceed(pending, headers, body).unwrap_or_else(reset);
        }
    }
}

impl Stream {
    pub fn new(id: u32, plugin: Rc<Plugin>) -> Self {
        Self { id, plugin, pending: None }
    }

    fn begin(&mut self) -> Result<Action, Status> {
        let Some((target, headers)) = self.api_request()? else { return Ok(Action::Continue) };
        let plugin = self.plugin.clone();
        let method = method(&headers);
        if !plugin.methods.answers(method) {
            return Ok(Action::Continue);
        }
        if is_grpc(&headers) {
            let reason = "this is an API over HTTP, not gRPC: send no content-type";
            let refused = ErrorResponse::new(415, "unsupported_media_type", reason);
            plugin.respond(&refused.response(method))?;
            return Ok(Action::Pause);
        }

        let method = method.to_owned();
        let Some((received, verdict)) = self.caller(Received { method, target, headers })? else {
            return Ok(Action::Pause);
        };
        match verdict {
            Ok(caller) => self.answer(received, &caller)?,
            Err(error) => plugin.respond(&error.response(&received.method))?,
        }
        Ok(Action::Pause)
    }

    /// Reads the target and the header fields of a request of the API.
    ///
    /// Most requests are like the one before them. So after a request of the API one call reads all header fields.
    /// After another request, one call reads the path, which is cheaper.
    fn api_request(&self) -> Result<Option<(String, Headers)>, Status> {
        const MAP: MapType = MapType::HttpRequestHeaders;
        let expects_api = &self.plugin.expects_api;
        if !expects_api.get() {
            let path = hostcalls::get_map_value_bytes(MAP, ":path")?;
            if !path.is_some_and(|path| rest::is_api_path(&target(&path))) {
                return Ok(None);
            }
        }

        let headers = hostcalls::get_map_bytes(MAP)?;
        let path = headers.iter().find(|(name, _)| name == ":path");
        let target = path.map(|(_, path)| target(path)).filter(|target| rest::is_api_path(target));
        expects_api.set(target.is_some());
        let target = target.map(Cow::into_owned);
        Ok(target.map(|target| (target, headers)))
    }

    /// Finds out who sent the request. `None` if the cluster is asked, and the request is answered later.
    fn caller(&self, received: Received) -> Result<Option<(Received, Verdict)>, Status> {
        let caller = match &self.plugin.access {
            None => Caller::Unauthenticated(None),
            Some(Access::Policy(policy)) => policy.caller(&received.fields()),
            Some(Access::Cluster(callers)) => {
                let mut callers = callers.borrow_mut();
                let known = callers.begin(self.id, received);
                if known.is_none() {
                    self.plugin.in_own_context(self.id, || callers.set_tick())?;
                }
                return Ok(known);
            }
        };
        Ok(Some((received, Ok(caller))))
    }

    fn answer(&mut self, received: Received, caller: &Caller) -> Result<(), Status> {
        let plugin = self.plugin.clone();
        let fields = received.fields();
        let request = received.request(&fields, caller);

        match &plugin.ccs {
            Ccs::Documents(snapshot) => {
                let response = snapshot.handle(&request, &plugin.limits);
                if matches!(response.status, 200 | 304 | 404) {
                    plugin.counters.add_one(plugin.counters.answers_from_configuration);
                }
                plugin.respond(&response)
            }
            Ccs::Mirror(mirror) => {
                plugin.respond(&mirror.borrow_mut().handle(&request, &plugin.counters))
            }
            Ccs::Upstream(upstream) => match rest::handle(&request, &plugin.limits) {
                Step::Done(response) => plugin.respond(&response),
                Step::Ask(ask) => {
                    let (question, request) = Question::new(ask, &upstream.api);
                    let request = request.ok_or(Status::InternalFailure)?;
                    let trace = upstream::trace(received.headers);
                    self.send(Pending { question, request, trace })
                }
            },
        }
    }

    /// Sends a request to the upstream.
    fn send(&mut self, pending: Pending) -> Result<(), Status> {
        match self.call(&pending) {
            Ok(()) => self.pending = Some(pending),
            Err(failure) => self.fail(pending.question, failure)?,
        }
        Ok(())
    }

    /// Makes the call in the plugin's context. The proxy cancels the calls of a request's context when
    /// the client disconnects, and then does not report them: the SDK, which waits for the report,
    /// would keep an entry for each of them.
    fn call(&self, Pending { request, trace, .. }: &Pending) -> Result<(), Failure> {
        let Ccs::Upstream(upstream) = &self.plugin.ccs else { return Ok(()) };
        let send = || upstream::send(&upstream.cluster, request, trace, upstream.api.timeout());
        let sent = self.plugin.in_own_context(self.id, send).unwrap_or_else(|status| {
            Err(NoResponse(format!("the proxy refused a change of context: {status:?}")))
        });
        sent.map(drop).map_err(|error| error.failure(request))
    }

    /// Goes on after the upstream's response.
    fn proceed(&mut self, pending: Pending, headers: usize, body: usize) -> Result<(), Status> {
        let plugin = self.plugin.clone();
        let Ccs::Upstream(upstream) = &plugin.ccs else { return Ok(()) };
        let Pending { question, request, trace } = pending;
        let read = upstream::response(&request, headers, body)
            .map_err(|error| error.failure(&request))
            .and_then(|response| {
                let kind = FailureKind::of(&request, &response);
                let answer = upstream.api.read(&request, response);
                answer.map_err(|error| Failure { kind, error })
            });
        let body = match read {
            Ok(Answer::Redirect(request)) => {
                return self.send(Pending { question, request, trace });
            }
            Ok(Answer::Body { body, .. }) => Some(body),
            // There is no such module.
            Ok(_) => None,
            Err(failure) => return self.fail(question, failure),
        };

        let (response, failure) = question.answer(body);
        match failure {
            Some(kind) => plugin.counters.add_one(kind.counter(&plugin.counters)),
            None => plugin.counters.add_one(plugin.counters.answers_from_upstream),
        }
        plugin.respond(&response)
    }

    fn fail(&self, question: Question, Failure { kind, error }: Failure) -> Result<(), Status> {
        let counters = &self.plugin.counters;
        counters.add_one(kind.counter(counters));
        self.plugin.respond(&question.fail(error))
    }
}

impl Question {
    /// Takes the core's question, and makes the request that answers it.
    fn new(ask: Ask<Response>, api: &Api) -> (Self, Option<upstream::Request>) {
        const NODE: usize = 0;
        let module = match &ask {
            Ask::Document(ask) => api.module(NODE, ask.uid()),
            Ask::Documents(_) => None,
        };
        match (ask, module) {
            (Ask::Document(ask), Some(request)) => (Self::Module(ask), Some(request)),
            (ask, _) => (Self::List(ask), api.list(NODE, None)),
        }
    }

    /// The response to the client, and the kind of failure if the body is malformed.
    fn answer(self, body: Option<Vec<u8>>) -> (Response, Option<FailureKind>) {
        let response = match self {
            Self::List(ask) => {
                const NAME: &str = "the upstream's response to the path of the list";
                ask.answer_body(NAME, Ok(body.unwrap_or_default()))
            }
            Self::Module(ask) => ask.answer(Ok(body)),
        };
        let failure = (response.status >= 500).then_some(FailureKind::Malformed);
        (response, failure)
    }

    fn fail(self, error: StoreError) -> Response {
        match self {
            Self::List(ask) => ask.fail(error),
            Self::Module(ask) => Ask::Document(ask).fail(error),
        }
    }
}

/// The request target as text, for the core to judge. Bytes that are not UTF-8 get percent-encoded, the
/// only form in which a target can contain them.
fn target(path: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(path) {
        Ok(path) => Cow::Borrowed(path),
        Err(_) => percent_encode(path, CONTROLS).into(),
    }
}

/// The method for the core: GET in place of HEAD. The proxy removes the body from a response to HEAD
/// itself, and from a response without a body it would remove the header fields that describe it.
fn method(headers: &[(String, Vec<u8>)]) -> &str {
    let method = headers.iter().find(|(name, _)| name == ":method");
    match method.and_then(|(_, value)| str::from_utf8(value).ok()) {
        Some("HEAD") => "GET",
        Some(method) => method,
        None => "",
    }
}

/// Whether the proxy takes a request for one of gRPC. It then puts the body of the response into a header
/// field, which would be as long as the list.
fn is_grpc(headers: &[(String, Vec<u8>)]) -> bool {
    let content_type = headers.iter().find(|(name, _)| name == "content-type");
    content_type.is_some_and(|(_, value)| value.starts_with(b"application/grpc"))
}

/// Ends a request after a host call failed: the request must neither hang nor go on.
pub fn reset(status: Status) {
    log(
        LogLevel::Error,
        &format!("a request is reset: a call of the proxy failed with {status:?}"),
    );
    let _ = hostcalls::reset_http_request();
}
