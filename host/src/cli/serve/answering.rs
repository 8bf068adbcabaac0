//! The options for how requests are answered, and for the ages of catalogs.

use std::path::PathBuf;
use std::time::Duration;

use ccs_modules_host::CallLimits;
use ccs_modules_host::mirror::{ClusterMirror, MirrorSettings};
use ccs_modules_host::server::{self, KeptSettings};
use ccs_modules_host::stores::ClusterAddress;
use ccs_modules_host::traces::Traces;
use clap::{Args, ValueEnum};

use crate::cli::duration::{Age, LongAge, Timeout};
use crate::cli::{Failure, StoreAddress, cluster, service};

/// The options for how requests are answered, and for the ages of catalogs.
#[derive(Args)]
pub struct AnsweringArgs {
    /// The instance of the component that answers a request: one that holds the catalog, checked
    /// once; one that is reused and asks the store for each request; or a fresh one that does. Of a
    /// cluster, `held` is a mirror.
    #[arg(id = "instances", long, value_enum, default_value_t)]
    answering: Answering,
    /// The age up to which a catalog that is held is served without asking the store whether it has
    /// changed, such as 500ms or 1m. With 0s each request asks. Not for a cluster.
    #[arg(long, value_name = "DURATION", default_value_t = Age::of(Duration::from_secs(1)))]
    max_age: Age,
    /// The time between two fetches of a cluster's catalog, such as 30s. Default: 30s.
    #[arg(long, value_name = "DURATION")]
    refresh: Option<Timeout>,
    /// The age up to which the last good catalog is served while the store fails, such as 24h. With
    /// 0s the response is 503 at once.
    #[arg(long, value_name = "DURATION", default_value_t = LongAge::of(Duration::from_secs(24 * 60 * 60)))]
    stale_if_error: LongAge,
    /// The age up to which the last good catalog of a cluster is served while the cluster denies it: by 401,
    /// 403, 404 or 410, or by a redirect to another server. Default: 1h.
    #[arg(long, value_name = "DURATION")]
    stale_if_denied: Option<LongAge>,
    /// Takes an empty list of a cluster also after one with modules. Otherwise it counts as a failure.
    #[arg(long)]
    allow_empty: bool,
    /// A file to keep a cluster's catalog in, so that the server can start while the cluster is down.
    #[arg(long, value_name = "FILE")]
    snapshot_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Answering {
    #[default]
    #[value(name = "held")]
    Kept,
    Reused,
    Fresh,
}

impl AnsweringArgs {
    /// Loads what is needed to answer from this store.
    pub async fn load(
        &self,
        store: &StoreAddress,
        limits: CallLimits,
        traces: Option<Traces>,
    ) -> Result<server::Answering, Failure> {
        if let (StoreAddress::Cluster(address), Answering::Kept) = (store, self.answering) {
            return Ok(server::Answering::Mirrored(self.mirror(address, limits, traces).await?));
        }
        for (option, is_given) in [
            ("--refresh", self.refresh.is_some()),
            ("--stale-if-denied", self.stale_if_denied.is_some()),
            ("--allow-empty", self.allow_empty),
            ("--snapshot-file", self.snapshot_file.is_some()),
        ] {
            if is_given {
                return Err(Failure::Other(format!(
                    "{option} is for a mirror: it needs `--store https://NODE:9443` and \
                     `--instances held`"
                )));
            }
        }
        Ok(match self.answering {
            Answering::Fresh => server::Answering::Fresh,
            // To list a whole Redis for each request would cost more than to ask for one document.
            Answering::Kept
                if self.max_age.0.is_zero() && matches!(store, StoreAddress::Redis(_)) =>
            {
                server::Answering::Reused
            }
            Answering::Kept => server::Answering::Kept(KeptSettings {
                standalone: service::load_standalone(limits).await?,
                max_age: self.max_age.0,
                stale_if_error: self.stale_if_error.0,
            }),
            Answering::Reused => server::Answering::Reused,
        })
    }

    /// Starts a mirror of this cluster.
    async fn mirror(
        &self,
        address: &ClusterAddress,
        limits: CallLimits,
        traces: Option<Traces>,
    ) -> Result<ClusterMirror, Failure> {
        let refresh = self.refresh.map_or(MirrorSettings::default().refresh, |refresh| refresh.0);
        let stale_if_error = self.stale_if_error.0;
        if stale_if_error < refresh {
            return Err(Failure::Other(
                "--stale-if-error is shorter than --refresh; expected at least as long".into(),
            ));
        }
        if !address.is_encrypted() {
            tracing::warn!(cluster = %address, "without TLS, credentials can be read on their way");
        }
        let snapshot_file = self.snapshot_file.clone();
        let default = MirrorSettings::default().stale_if_denied;
        let settings = MirrorSettings {
            refresh,
            stale_if_error,
            stale_if_denied: self.stale_if_denied.map_or(default, |age| age.0),
            allow_empty: self.allow_empty,
            snapshot_file,
            traces,
        };
        ClusterMirror::start(cluster::open(address, limits)?, settings)
            .await
            .map_err(Failure::other)
    }
}
