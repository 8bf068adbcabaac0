//! A server in this program, on a free port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ccs_modules::access::Policy;
use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::{Answering, Metrics, Server, Settings};
use ccs_modules_host::{CallLimits, Ccs, Plugin, artifacts};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A server that runs until this is dropped.
pub struct Serving {
    pub address: SocketAddr,
    pub metrics: Arc<Metrics>,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Serving {
    /// Starts a server that answers by new instances of the plugin over a store.
    pub async fn start(plugin: &Plugin, ccs: impl Ccs + 'static, settings: Settings) -> Self {
        Self::answering(plugin.service(ccs), settings).await
    }

    /// Starts a server that answers from a mirror of a store, and lets every caller read.
    pub async fn mirror(source: impl Into<Source>, settings: MirrorSettings) -> Self {
        let mirror = StoreMirror::start(source, settings).await.unwrap();
        Self::answering(mirror, open_to_all()).await
    }

    pub async fn answering(answering: impl Into<Answering>, settings: Settings) -> Self {
        let server = Server::bind(any_port(), answering, settings).await.unwrap();
        let stop = CancellationToken::new();
        Self {
            address: server.address().unwrap(),
            metrics: server.metrics(),
            task: tokio::spawn(server.run(stop.clone().cancelled_owned())),
            stop: stop.drop_guard(),
        }
    }

    /// Stops the server, and waits until it has stopped.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }
}

/// The plugin, loaded once for all tests whose stores do not stall.
pub fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap())
}

/// Any free port, on this machine only.
pub fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Settings that let every caller read.
pub fn open_to_all() -> Settings {
    let access = Policy::parse(br#"{"anonymous":["db_viewer"]}"#).unwrap();
    Settings { access: Some(access.into()), ..Settings::default() }
}

/// The settings of a mirror whose store is read as often as that can be.
pub fn often() -> MirrorSettings {
    MirrorSettings { refresh: Duration::from_millis(1), ..MirrorSettings::default() }
}

/// Waits until the condition is met. The time limit is only for a condition that never is.
pub async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), waiting).await.expect("the condition is met in time");
}
