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
use crate::counters::Counters;
use crate::upstream::{self, Failure, FailureKind};

/// The plugin's context.
pub struct Root {
    plugin: Rc<Plugin>,
}

/// The part of a plugin that its requests share. Before it is configured, it lets nobody in and has no
/// modules.
#[derive(Default)]
struct Plugin {
    /// The plugin's context.
    id: u32,
    config: Config,
    counters: Counters,
}

impl Root {
    pub fn new(id: u32) -> Self {
        Self { plugin: Rc::new(Plugin { id, ..Plugin::default() }) }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match configuration(size) {
            Ok(config) => {
                if config.access.is_none() {
                    log(LogLevel::Warn, "there is no access policy: every request is a 401");
                }
                let (id, counters) = (self.plugin.id, Counters::define());
                self.plugin = Rc::new(Plugin { id, config, counters });
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the configuration is refused: {error}"));
                false
            }
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id, plugin: self.plugin.clone(), pending: None }))
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
    plugin: Rc<Plugin>,
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
            reset(status);
            Action::Pause
        })
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, _: usize) {
        let Some(pending) = self.pending.take() else { return };
        let (response, failure) = pending.answer(headers, body, &self.plugin.config);
        match failure {
            Some(kind) => kind.counter(&self.plugin.counters).add_one(),
            // The upstream's response was read, and the core refused what is in it.
            None if response.status >= 500 => self.plugin.counters.upstream_malformed.add_one(),
            None => self.plugin.counters.answers_from_upstream.add_one(),
        }
        self.respond(&response).unwrap_or_else(reset);
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
        let plugin = self.plugin.clone();
        let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders)?;
        let method = method(&headers);
        if plugin.config.methods == Methods::Pass && method != "GET" {
            return Ok(Action::Continue);
        }
        let roles = plugin.config.access.as_ref().and_then(|access| access.roles(&headers));
        let request =
            Request { method, target: &target, headers: &headers, roles: roles.as_deref() };
        match (rest::handle(&request, &plugin.config.limits), &plugin.config.ccs) {
            (Step::Done(response), _) => self.respond(&response)?,
            (Step::Ask(ask), Ccs::Documents(documents)) => {
                plugin.counters.answers_from_configuration.add_one();
                self.respond(&answer(ask, documents, &plugin.config.limits))?;
            }
            (Step::Ask(ask), Ccs::Upstream(upstream)) => match self.send(ask, upstream, &headers) {
                Ok(pending) => self.pending = Some(pending),
                Err((response, kind)) => {
                    kind.counter(&plugin.counters).add_one();
                    self.respond(&response)?;
                }
            },
        }
        Ok(Action::Pause)
    }

    /// Sends the core's question to the upstream. The error is the response if that fails.
    fn send(
        &self,
        ask: Ask<Response>,
        upstream: &Upstream,
        client: &[(String, Vec<u8>)],
    ) -> Result<Pending, (Response, FailureKind)> {
        let path = match &ask {
            Ask::Document(ask) => upstream.module_path(ask.uid()),
            Ask::Documents(_) => None,
        };
        let sent = self.get(upstream, path.as_deref().unwrap_or(&upstream.list), client);
        match (sent, ask, path) {
            (Err(Failure { kind, error }), ask, _) => Err((fail(ask, error), kind)),
            (Ok(()), Ask::Document(ask), Some(_)) => Ok(Pending::Module(ask)),
            (Ok(()), ask, _) => Ok(Pending::List(ask)),
        }
    }

    /// Sends a request to the upstream, as a call of the plugin's context. The proxy cancels the calls
    /// of a request's context when the client disconnects, and then does not report them: the SDK,
    /// which waits for the report, would keep an entry for each of them.
    fn get(
        &self,
        upstream: &Upstream,
        path: &str,
        client: &[(String, Vec<u8>)],
    ) -> Result<(), Failure> {
        switch_to(self.plugin.id)?;
        let sent = upstream.get(path, client);
        switch_to(self.id)?;
        sent
    }

    /// Sends a response to the client, counts it, and logs the cause of a 5xx.
    fn respond(&self, response: &Response) -> Result<(), Status> {
        self.plugin.counters.requests(response.status).add_one();
        if response.status >= 500 {
            let cause = String::from_utf8_lossy(&response.body);
            let text = format!("a request is answered with {}: {}", response.status, cause.trim());
            log(LogLevel::Warn, &text);
        }
        let headers = response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        hostcalls::send_http_response(
            response.status.into(),
            headers.collect(),
            Some(&response.body),
        )
    }
}

impl Pending {
    /// The response to the client, given the upstream's response, and the upstream's failure if it is
    /// one.
    fn answer(
        self,
        headers: usize,
        body: usize,
        config: &Config,
    ) -> (Response, Option<FailureKind>) {
        match self {
            Self::List(ask) => {
                let text = upstream::list(headers, body, config.response_bytes);
                match text.as_deref().map(snapshot::split) {
                    Ok(Ok(documents)) => (answer(ask, &documents, &config.limits), None),
                    Ok(Err(error)) => {
                        let error = format!("not a list of documents: {error}");
                        (fail(ask, StoreError::Other(error)), Some(FailureKind::Malformed))
                    }
                    Err(failure) => (fail(ask, failure.error.clone()), Some(failure.kind)),
                }
            }
            Self::Module(ask) => match upstream::module(headers, body, config.response_bytes) {
                Ok(document) => (ask.answer(Ok(document)), None),
                Err(Failure { kind, error }) => (fail(Ask::Document(ask), error), Some(kind)),
            },
        }
    }
}

/// The response, given all documents.
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

/// The request target as text, for the core to judge. Bytes that are not UTF-8 get percent-encoded, the
/// only form in which a target can hold them.
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

/// Makes the following calls act for a context.
fn switch_to(context: u32) -> Result<(), Failure> {
    hostcalls::set_effective_context(context).map_err(|status| {
        Failure::unavailable(format!("the proxy refused a change of context: {status:?}"))
    })
}

/// Ends a request after a host call failed: the request must neither hang nor go on.
fn reset(status: Status) {
    log(LogLevel::Error, &format!("a host call failed: {status:?}"));
    let _ = hostcalls::reset_http_request();
}

fn log(level: LogLevel, text: &str) {
    let _ = hostcalls::log(level, &format!("ccs-modules: {text}"));
}
