//! The cost of a call inside the guest: instructions and memory. Unlike time, both are the same on
//! every machine and in every run.

use ccs_modules::{Limits, body};
use ccs_modules_host::artifacts;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, ResourceLimiter, Result, Store};

use self::bindings::ccs::modules::ccs::{Document, Error, Host};
use self::bindings::exports::ccs::modules::types::{Caller, Request, Response};
use self::bindings::{Plugin, PluginPre};

mod bindings {
    #![allow(missing_docs, reason = "generated")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "plugin" });
}

/// The plugin, in an engine that counts instructions.
pub struct Meter {
    engine: Engine,
    plugin: PluginPre<Guest>,
}

/// The cost of one call in a fresh instance.
#[derive(Debug)]
pub struct Cost {
    /// WebAssembly instructions.
    pub instructions: u64,
    /// The size of the linear memory after the call, in bytes. It never shrinks, so this is the
    /// peak.
    pub memory: usize,
    /// The answer's body.
    pub body: Vec<u8>,
}

impl Meter {
    /// Compiles the plugin.
    ///
    /// # Errors
    ///
    /// If the engine does not start, or does not accept the plugin.
    pub fn new() -> Result<Self> {
        let engine = Engine::new(Config::new().consume_fuel(true))?;
        let component = Component::from_binary(&engine, &artifacts::PLUGIN.wasm)?;
        let mut linker = Linker::new(&engine);
        Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest: &mut Guest| guest)?;
        let plugin = PluginPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, plugin })
    }

    /// Asks for `target`, such as `/v1/modules`, over a store with these documents.
    ///
    /// # Errors
    ///
    /// If the guest traps, or its answer is not a 200.
    pub fn get(&self, target: &str, documents: Vec<Vec<u8>>) -> Result<Cost> {
        let mut store = Store::new(&self.engine, Guest { documents, memory: 0 });
        store.limiter(|guest| guest);
        store.set_fuel(u64::MAX)?;
        let plugin = self.plugin.instantiate(&mut store)?;
        let request = Request {
            method: "GET".into(),
            target: target.into(),
            headers: Vec::new(),
            caller: Caller::Authenticated(vec!["db_viewer".into()]),
        };
        let Response { status, body, .. } =
            plugin.ccs_modules_rest().call_handle(&mut store, &request)?;
        wasmtime::ensure!(status == 200, "GET {target} was answered with {status}");
        let instructions = u64::MAX - store.get_fuel()?;
        Ok(Cost { instructions, memory: store.data().memory, body: body.into_bytes() })
    }
}

/// The host's half of an instance.
struct Guest {
    documents: Vec<Vec<u8>>,
    memory: usize,
}

impl Host for Guest {
    fn list_documents(&mut self) -> Result<Vec<Document>, Error> {
        Ok(self.documents.clone())
    }

    fn get_document(&mut self, uid: String) -> Result<Option<Document>, Error> {
        Ok(body::find(&self.documents, &uid, &Limits::default()).cloned())
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.memory = desired;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}
