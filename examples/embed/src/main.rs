//! Loads the plugin component, gives it a store, and asks it: once by the typed interface, once by
//! HTTP.

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use ccs_modules_host::{CallLimits, Caller, Ccs, CcsError, Plugin, Request, artifacts};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The first start compiles the component; later ones load the compiled code from disk.
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default())?;
    let service = plugin.service(Memory::example());

    // The program has authenticated the caller and knows the caller's roles.
    for module in service.list_modules(&["db_viewer"]).await? {
        let name = module.module_name.unwrap_or_default();
        println!("{} {name}", module.uid);
    }

    let request = Request {
        method: "GET".into(),
        target: "/v1/modules/2".into(),
        headers: vec![],
        caller: Caller::Authenticated(vec!["db_viewer".into()]),
    };
    let response = service.handle(&request).await?;
    print!("{} {}", response.status, response.body);
    Ok(())
}

/// A store in memory: documents by uid.
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn example() -> Self {
        let documents = [
            ("1", r#"{"uid": "1", "module_name": "bf", "semantic_version": "8.0.1"}"#),
            ("2", r#"{"uid": "2", "module_name": "search", "semantic_version": "7.99.91"}"#),
        ];
        Self(documents.map(|(uid, document)| (uid.into(), document.into())).into())
    }
}

#[async_trait]
impl Ccs for Memory {
    async fn list_documents(&self) -> Result<Vec<Vec<u8>>, CcsError> {
        Ok(self.0.values().cloned().collect())
    }

    async fn get_document(&self, uid: &str) -> Result<Option<Vec<u8>>, CcsError> {
        Ok(self.0.get(uid).cloned())
    }
}
