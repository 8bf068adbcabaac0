//! The plugin's context, which has the store and the configuration, and makes a context for each request.

use std::cell::RefCell;
use std::rc::Rc;

use ccs_modules::Limits;
use ccs_modules::access::Policy;
use ccs_modules::rest::Methods;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, Status};

use crate::config::{Ccs, Config, Error};
use crate::counters::Counters;
use crate::log;
use crate::mirrored::Mirrored;
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
    pub access: Option<Policy>,
    pub methods: Methods,
    pub limits: Limits,
    pub counters: Counters,
}

impl Root {
    pub fn new(id: u32) -> Self {
        Self { id, plugin: None }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        if let Some(plugin) = &self.plugin
            && let Ccs::Mirror(mirror) = &plugin.ccs
        {
            mirror.borrow_mut().take_response(token, headers, body, &plugin.counters);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match configuration(size) {
            Ok(config) => {
                if config.access.is_none() {
                    log(
                        LogLevel::Warn,
                        "there is no access policy: every request is answered with 401; write one \
                         under access",
                    );
                }
                self.plugin = Some(Rc::new(Plugin::new(self.id, config)));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the configuration is refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin
            && let Ccs::Mirror(mirror) = &plugin.ccs
        {
            mirror.borrow_mut().tick(&plugin.counters);
        }
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
    fn new(id: u32, Config { ccs, access, methods, limits }: Config) -> Self {
        let ccs = match ccs {
            Ccs::Documents(snapshot) => Ccs::Documents(snapshot),
            Ccs::Mirror(config) => Ccs::Mirror(Box::new(RefCell::new(Mirrored::new(*config)))),
            Ccs::Upstream(upstream) => Ccs::Upstream(upstream),
        };
        Self { id, ccs, access, methods, limits, counters: Counters::define() }
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
