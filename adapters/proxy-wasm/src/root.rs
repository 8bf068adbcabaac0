//! The plugin's context, which has the store and the configuration, and makes a context for each request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ccs_modules::Limits;
use ccs_modules::access::Policy;
use ccs_modules::rest::{Methods, Response};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, Status};

use crate::callers::{Callers, Ended};
use crate::config::{self, Ccs, Config, Error};
use crate::counters::Counters;
use crate::log;
use crate::mirrored::{LONGEST_TICK, Mirrored};
use crate::request::{Stream, reset};

/// The plugin's context.
pub struct Root {
    id: u32,
    /// The plugin, once it is configured.
    plugin: Option<Rc<Plugin>>,
}

/// The part of a plugin that its requests share.
pub struct Plugin {
    /// The plugin's context.
    pub id: u32,
    pub ccs: Ccs<RefCell<Mirrored>>,
    pub access: Option<Access>,
    pub methods: Methods,
    pub limits: Limits,
    pub counters: Counters,
    /// Whether the latest request was one of the API.
    pub expects_api: Cell<bool>,
}

/// How a plugin finds out who is calling.
pub enum Access {
    Policy(Policy),
    Cluster(Box<RefCell<Callers>>),
}

impl Root {
    pub fn new(id: u32) -> Self {
        Self { id, plugin: None }
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        if let Some(plugin) = &self.plugin {
            plugin.counters.flush();
        }
        true
    }

    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        let Some(plugin) = &self.plugin else { return };
        let ended =
            plugin.callers().and_then(|it| it.borrow_mut().take_response(token, headers, body));
        match (ended, &plugin.ccs) {
            (Some(ended), _) => plugin.end_pauses(ended),
            (None, Ccs::Mirror(mirror)) => {
                mirror.borrow_mut().take_response(token, headers, body, &plugin.counters);
                plugin.set_tick();
            }
            (None, _) => {}
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match configuration(size).and_then(|config| Plugin::new(self.id, config)) {
            Ok(plugin) => {
                if plugin.access.is_none() {
                    log(
                        LogLevel::Warn,
                        "there is no access policy: every request is answered with 401; write one \
                         under access",
                    );
                }
                self.plugin = Some(Rc::new(plugin));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the configuration is refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(plugin) = &self.plugin else { return };
        if let Ccs::Mirror(mirror) = &plugin.ccs {
            mirror.borrow_mut().tick(&plugin.counters);
        }
        if let Some(callers) = plugin.callers() {
            let ended = callers.borrow_mut().tick();
            plugin.end_pauses(ended);
        }
        plugin.set_tick();
        plugin.counters.flush();
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.plugin {
            Some(plugin) => Some(Box::new(Stream::new(id, plugin.clone()))),
            None => Some(Box::new(Unconfigured)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Plugin {
    fn new(id: u32, Config { ccs, access, methods, limits }: Config) -> Result<Self, Error> {
        let access = match access {
            None => None,
            Some(config::Callers::Policy(policy)) => Some(Access::Policy(policy)),
            Some(config::Callers::Upstream(upstream, options)) => {
                Some(Access::Cluster(Box::new(RefCell::new(Callers::new(upstream, options)?))))
            }
        };
        let ccs = match ccs {
            Ccs::Documents(snapshot) => Ccs::Documents(snapshot),
            Ccs::Mirror(config) => Ccs::Mirror(Box::new(RefCell::new(Mirrored::new(*config)))),
            Ccs::Upstream(upstream) => Ccs::Upstream(upstream),
        };
        if !matches!(ccs, Ccs::Mirror(_)) {
            // Only the counts need the tick. A mirror sets its own.
            let _ = hostcalls::set_tick_period(LONGEST_TICK);
        }
        let (counters, expects_api) = (Counters::define(), Cell::new(false));
        Ok(Self { id, ccs, access, methods, limits, counters, expects_api })
    }

    /// Returns the logins, if the cluster is the policy.
    pub fn callers(&self) -> Option<&RefCell<Callers>> {
        match &self.access {
            Some(Access::Cluster(callers)) => Some(callers),
            _ => None,
        }
    }

    /// Calls the proxy in the plugin's context, out of that of a request.
    pub fn in_own_context<T>(&self, stream: u32, call: impl FnOnce() -> T) -> Result<T, Status> {
        hostcalls::set_effective_context(self.id)?;
        let done = call();
        hostcalls::set_effective_context(stream)?;
        Ok(done)
    }

    /// Sends a response to the client, counts it, and logs the cause of a 5xx or a 403.
    pub fn respond<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<(), Status> {
        self.counters.add_one(self.counters.requests(response.status));
        if let Some(cause) = &response.cause {
            log(
                LogLevel::Warn,
                &format!("a request is answered with {}: {cause}", response.status),
            );
        }
        let headers = response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        hostcalls::send_http_response(
            response.status.into(),
            headers.collect(),
            Some(response.body.as_ref()),
        )
    }

    /// Sets the next tick after the mirror has set it, if a request needs it sooner.
    fn set_tick(&self) {
        if let Some(callers) = self.callers() {
            callers.borrow_mut().set_tick_anew();
        }
    }

    /// Answers requests that were paused, each in its own context.
    fn end_pauses(&self, ended: Vec<Ended>) {
        let Ccs::Mirror(mirror) = &self.ccs else { return };
        for (stream, received, verdict) in ended {
            let answered = hostcalls::set_effective_context(stream).and_then(|()| match verdict {
                Ok(caller) => {
                    let fields = received.fields();
                    let request = received.request(&fields, &caller);
                    self.respond(&mirror.borrow_mut().handle(&request, &self.counters))
                }
                Err(error) => self.respond(&error.response(&received.method)),
            });
            answered.unwrap_or_else(reset);
        }
        let _ = hostcalls::set_effective_context(self.id);
    }
}

fn configuration(size: usize) -> Result<Config, Error> {
    match hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size) {
        Ok(Some(text)) => Config::parse(&text),
        Ok(None) => Err(Error::new("configuration", "missing")),
        Err(status) => Err(Error::new("configuration", format!("not readable: {status:?}"))),
    }
}

/// The context of a request to a plugin without a configuration. The proxy sends no requests to it.
struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        reset(Status::InternalFailure);
        Action::Pause
    }
}
