//! Serves one HTTP component with wasmCloud's runtime library: `ccs-modules-wasmcloud WASM
//! ADDRESS`.
//!
//! The component gets the variables of this process's environment that begin with `CCS_`, and the
//! library's own `wasi:http` and `wasi:keyvalue`.

use std::collections::HashMap;
use std::sync::Arc;
use std::{env, fs};

use anyhow::Context as _;
use wash_runtime::engine::Engine;
use wash_runtime::host::{HostApi as _, HostBuilder};
use wash_runtime::plugin::wasi_http::HttpServer;
use wash_runtime::plugin::wasi_keyvalue::WasiKeyvalue;
use wash_runtime::types::{Component, LocalResources, Workload, WorkloadStartRequest};
use wash_runtime::wit::WitInterface;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let wasm = arguments.next().context("expected a component")?;
    let address = arguments.next().context("expected an address")?.parse()?;
    let host = HostBuilder::new()
        .with_engine(Engine::builder().build()?)
        .with_plugin(Arc::new(HttpServer::new(address)))?
        .with_plugin(Arc::new(WasiKeyvalue::new()))?
        .build()?
        .start()
        .await?;
    host.workload_start(request(fs::read(wasm)?)).await?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// One workload of one component, for every host name.
fn request(wasm: Vec<u8>) -> WorkloadStartRequest {
    let environment = env::vars().filter(|(name, _)| name.starts_with("CCS_")).collect();
    let component = Component {
        bytes: wasm.into(),
        local_resources: LocalResources { environment, ..LocalResources::default() },
        pool_size: 1,
        max_invocations: 100,
    };
    // No version is named: the library binds only a version equal to the component's.
    let host_interfaces =
        ["wasi:http/incoming-handler", "wasi:http/outgoing-handler", "wasi:keyvalue/store"];
    WorkloadStartRequest {
        workload: Workload {
            namespace: "ccs-modules".into(),
            name: "service".into(),
            annotations: HashMap::new(),
            service: None,
            components: vec![component],
            host_interfaces: host_interfaces.map(WitInterface::from).into(),
            volumes: Vec::new(),
        },
    }
}
