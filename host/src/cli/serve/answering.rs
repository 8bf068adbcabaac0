//! The options for how requests are answered.

use std::path::PathBuf;
use std::time::Duration;

use ccs_modules_host::CallLimits;
use ccs_modules_host::mirror::{MirrorSettings, Source, StoreMirror};
use ccs_modules_host::server::Answering;
use ccs_modules_host::traces::Traces;
use clap::Args;

use crate::cli::duration::{Age, Timeout};
use crate::cli::{Failure, StoreAddress, cluster, service};

/// The options for how requests are answered.
#[derive(Args)]
pub struct AnsweringArgs {
    /// Answer each request in a new instance of the WebAssembly component over the store, as an edge
    /// runtime does, and not from memory.
    #[arg(long, conflicts_with_all = ["refresh", "stale_if_error", "stale_if_denied", "allow_empty", "snapshot_file"])]
    component: bool,
    /// The time between two reads of the store, such as 500ms or 1m.
    /// Default: 30s for a cluster, 1s for any other store.
    #[arg(long, value_name = "DURATION")]
    refresh: Option<Timeout>,
    /// The age up to which the last good catalog is served while the store fails, such as 24h.
    #[arg(long, value_name = "DURATION", default_value_t = Age::of(Duration::from_secs(24 * 60 * 60)))]
    stale_if_error: Age,
    /// The age up to which the last good catalog of a cluster is served while the cluster denies it: by 401,
    /// 403, 404 or 410, or by a redirect to another server. Default: 1h.
    #[arg(long, value_name = "DURATION")]
    stale_if_denied: Option<Age>,
    /// Takes an empty list of a cluster also after one with modules. Otherwise it counts as a failure.
    #[arg(long)]
    allow_empty: bool,
    /// A file to keep a cluster's catalog in, so that the server can start while the cluster is down.
    #[arg(long, value_name = "FILE")]
    snapshot_file: Option<PathBuf>,
}

impl AnsweringArgs {
    /// Loads what is needed to answer from this store.
    pub async fn load(
        &self,
        store: &StoreAddress,
        limits: CallLimits,
        traces: Option<Traces>,
    ) -> Result<Answering, Failure> {
        if let StoreAddress::Cluster(address) = store
            && !address.is_encrypted()
        {
            tracing::warn!(cluster = %address, "without TLS, credentials can be read on their way");
        }
        if self.component {
            return Ok(store.open(&service::load(limits).await?)?.into());
        }

        let (source, refresh) = match store {
            StoreAddress::Cluster(address) => (cluster::open(address, limits)?.into(), CLUSTER),
            _ => (Source::Store(store.ccs(limits)?), STORE),
        };
        for (option, is_given) in [
            ("--stale-if-denied", self.stale_if_denied.is_some()),
            ("--allow-empty", self.allow_empty),
            ("--snapshot-file", self.snapshot_file.is_some()),
        ] {
            if is_given && matches!(source, Source::Store(_)) {
                let needed = format!("{option} needs a cluster, `--store https://NODE:9443`");
                return Err(Failure::Other(needed));
            }
        }

        let refresh = self.refresh.map_or(refresh, |refresh| refresh.0);
        let stale_if_error = self.stale_if_error.0;
        if stale_if_error < refresh {
            return Err(Failure::Other(
                "--stale-if-error is shorter than --refresh; expected at least as long".into(),
            ));
        }
        let default = MirrorSettings::default().stale_if_denied;
        let settings = MirrorSettings {
            refresh,
            stale_if_error,
            stale_if_denied: self.stale_if_denied.map_or(default, |age| age.0),
            allow_empty: self.allow_empty,
            timeout: limits.store_timeout,
            snapshot_file: self.snapshot_file.clone(),
            traces,
        };
        let mirror = StoreMirror::start(source, settings).await.map_err(Failure::other)?;
        Ok(mirror.into())
    }
}

/// The time between two reads of a cluster, which is asked over the network and has other things to do.
const CLUSTER: Duration = Duration::from_secs(30);

/// The time between two reads of any other store.
const STORE: Duration = Duration::from_secs(1);
