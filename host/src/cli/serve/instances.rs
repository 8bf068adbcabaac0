//! The options for what answers requests, and for the ages of catalogs.

use std::path::PathBuf;
use std::time::Duration;

use ccs_modules_host::CallLimits;
use ccs_modules_host::mirror::{ClusterMirror, MirrorSettings};
use ccs_modules_host::server::{Holding, Instances};
use ccs_modules_host::stores::ClusterAddress;
use ccs_modules_host::traces::Traces;
use clap::{Args, ValueEnum};

use crate::cli::duration::{Age, LongAge, Timeout};
use crate::cli::{Failure, StoreAddress, cluster, service};

/// The options for what answers requests, and for the ages of catalogs.
#[derive(Args)]
pub struct InstanceArgs {
    /// The instance of the component that answers a request: one that holds the catalog, checked
    /// once; one that is reused and asks the store for each request; or a fresh one that does. Of a
    /// cluster, `held` is a mirror.
    #[arg(long, value_enum, default_value_t)]
    instances: Kind,
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
    /// A file to keep a cluster's catalog in, so that the server can start while the cluster is down.
    #[arg(long, value_name = "FILE")]
    snapshot_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    Held,
    Reused,
    Fresh,
}

impl InstanceArgs {
    /// Loads what the instances need to answer from this store.
    pub async fn load(
        &self,
        store: &StoreAddress,
        limits: CallLimits,
        traces: Option<Traces>,
    ) -> Result<Instances, Failure> {
        if let (StoreAddress::Cluster(address), Kind::Held) = (store, self.instances) {
            return Ok(Instances::Mirrored(self.mirror(address, limits, traces).await?));
        }
        for (option, is_given) in [
            ("--refresh", self.refresh.is_some()),
            ("--snapshot-file", self.snapshot_file.is_some()),
        ] {
            if is_given {
                return Err(Failure::Other(format!(
                    "{option} is for a mirror: it needs `--store https://NODE:9443` and \
                     `--instances held`"
                )));
            }
        }
        Ok(match self.instances {
            Kind::Fresh => Instances::Fresh,
            // To list a whole Redis for each request would cost more than to ask for one document.
            Kind::Held if self.max_age.0.is_zero() && matches!(store, StoreAddress::Redis(_)) => {
                Instances::Reused
            }
            Kind::Held => Instances::Held(Holding {
                standalone: service::load_standalone(limits).await?,
                max_age: self.max_age.0,
                stale_if_error: self.stale_if_error.0,
            }),
            Kind::Reused => Instances::Reused,
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
        let settings = MirrorSettings { refresh, stale_if_error, snapshot_file, traces };
        ClusterMirror::start(cluster::open(address, limits)?, settings)
            .await
            .map_err(Failure::other)
    }
}
