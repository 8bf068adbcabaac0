//! The filter's two contexts: the plugin's, which holds the configuration, and one for each request,
//! which holds the core's question while the upstream is asked.

use std::borrow::Cow;
use std::rc::Rc;

use ccs_modules::rest::{self, Request, Response};
use ccs_modules::{Ask, AskDocument, Limits, Step, StoreError, snapshot};
use percent_encoding::{CONTROLS, percent_encode};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType, Status};

use crate::config::{Ccs, Config, ConfigError, Methods, Upstream};
use crate::upstream;

/// The plugin's context. Before it is configured, it lets nobody in and has no modules.
pub struct Root {
    id: u32,
    config: Rc<Config>,
}

impl Root {
    pub fn new(id: u32) -> Self {
        Self { id, config: Rc::default() }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match configuration(size) {
            Ok(config) => {
                self.config = Rc::new(config);
                true
            }
            Err(error) => {
                let _ = hostcalls::log(
                    LogLevel::Error,
                    &format!("ccs-modules: the configuration is refused: {error}"),
                );
                false
            }
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id, root: self.id, config: self.config.clone(), pending: None }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn configuration(size: usize) -> Result<Config, ConfigError> {
    match hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size) {
        Ok(Some(text)) => Config::parse(&text),
        Ok(None) => Err(ConfigError::new("configuration", "missing")),
        Err(status) => Err(ConfigError::new("configuration", format!("not readable: {status:?}"))),
    }
}

/// The context of one request.
struct Stream {
    id: u32,
    /// The plugin's context.
    root: u32,
    config: Rc<Config>,
    pending: Option<Pending>,
}

/// The core's question, and the kind of response from the upstream that will answer it.
enum Pending {
    List(Ask<Response>),
    Module(AskDocument<Response>),
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.begin().unwrap_or_else(|status| {
            abandon(status);
            Action::Pause
        })
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, _: usize) {
        let limit = self.config.response_bytes;
        let response = match self.pending.take() {
            Some(Pending::List(ask)) => match upstream::list(headers, body, limit) {
                Ok(text) => match snapshot::split(&text) {
                    Ok(documents) => answer(ask, &documents, &self.config.limits),
                    Err(error) => {
                        fail(ask, StoreError::Other(format!("not a list of documents: {error}")))
                    }
                },
                Err(error) => fail(ask, error),
            },
            Some(Pending::Module(ask)) => ask.answer(upstream::module(headers, body, limit)),
            None => return,
        };
        send(&response).unwrap_or_else(abandon);
    }
}

impl Stream {
    fn begin(&mut self) -> Result<Action, Status> {
        let Some(path) = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, ":path")?
        else {
            return Ok(Action::Continue);
        };
        let target = target(&path);
        if !rest::is_api_path(&target) {
            return Ok(Action::Continue);
        }
        let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders)?;
        let method = method(&headers);
        if self.config.methods == Methods::Pass && method != "GET" {
            return Ok(Action::Continue);
        }
        let roles = self.config.access.as_ref().and_then(|access| access.roles(&headers));
        let request =
            Request { method, target: &target, headers: &headers, roles: roles.as_deref() };
        match rest::handle(&request, &self.config.limits) {
            Step::Done(response) => send(&response)?,
            Step::Ask(ask) => self.ask(ask)?,
        }
        Ok(Action::Pause)
    }

    fn ask(&mut self, ask: Ask<Response>) -> Result<(), Status> {
        match &self.config.ccs {
            Ccs::Documents(documents) => send(&answer(ask, documents, &self.config.limits)),
            Ccs::Upstream(upstream) => match self.send(ask, upstream) {
                Ok(pending) => {
                    self.pending = Some(pending);
                    Ok(())
                }
                Err(response) => send(&response),
            },
        }
    }

    /// Sends the core's question to the upstream. The error is the response if that fails.
    fn send(&self, ask: Ask<Response>, upstream: &Upstream) -> Result<Pending, Response> {
        let path = match &ask {
            Ask::Document(ask) => upstream.module_path(ask.uid()),
            Ask::Documents(_) => None,
        };
        match (ask, path) {
            (Ask::Document(ask), Some(path)) => match self.get(upstream, &path) {
                Ok(()) => Ok(Pending::Module(ask)),
                Err(error) => Err(fail(Ask::Document(ask), error)),
            },
            (ask, _) => match self.get(upstream, &upstream.list) {
                Ok(()) => Ok(Pending::List(ask)),
                Err(error) => Err(fail(ask, error)),
            },
        }
    }

    /// Sends a request to the upstream, as a call of the plugin's context. The proxy cancels the calls
    /// of a request's context when the client disconnects, and then does not report them: the SDK,
    /// which waits for the report, would keep an entry for each of them.
    fn get(&self, upstream: &Upstream, path: &str) -> Result<(), StoreError> {
        self.switch_to(self.root)?;
        let sent = upstream.get(path);
        self.switch_to(self.id)?;
        sent
    }

    fn switch_to(&self, context: u32) -> Result<(), StoreError> {
        hostcalls::set_effective_context(context).map_err(|status| {
            StoreError::Other(format!("the proxy refused a change of context: {status:?}"))
        })
    }
}

/// Answers out of all documents.
fn answer<D: AsRef<[u8]>>(ask: Ask<Response>, documents: &[D], limits: &Limits) -> Response {
    match ask {
        Ask::Document(ask) => {
            let document = snapshot::find(documents, ask.uid(), limits);
            ask.answer(Ok(document))
        }
        Ask::Documents(ask) => ask.answer(Ok(documents.iter().collect())),
    }
}

fn fail(ask: Ask<Response>, error: StoreError) -> Response {
    match ask {
        Ask::Document(ask) => ask.answer::<&[u8]>(Err(error)),
        Ask::Documents(ask) => ask.answer::<&[u8]>(Err(error)),
    }
}

/// The request target as the core takes it. Bytes that are not UTF-8 have no place in a target but
/// percent-encoded, which they are now, so that the core judges them.
fn target(path: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(path) {
        Ok(path) => Cow::Borrowed(path),
        Err(_) => percent_encode(path, CONTROLS).into(),
    }
}

/// The method as the core is told it. The proxy itself takes the body out of a response to HEAD; from
/// a response without one it would take the header fields that describe it too.
fn method(headers: &[(String, Vec<u8>)]) -> &str {
    let method = headers.iter().find(|(name, _)| name == ":method");
    match method.and_then(|(_, value)| str::from_utf8(value).ok()) {
        Some("HEAD") => "GET",
        Some(method) => method,
        None => "",
    }
}

fn send(response: &Response) -> Result<(), Status> {
    let headers = response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    hostcalls::send_http_response(response.status.into(), headers.collect(), Some(&response.body))
}

/// Ends a request that the proxy lets nothing be done with: it must not hang, nor go on.
fn abandon(status: Status) {
    let _ =
        hostcalls::log(LogLevel::Error, &format!("ccs-modules: a host call failed: {status:?}"));
    let _ = hostcalls::reset_http_request();
}
