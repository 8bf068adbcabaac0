//! Metrics of the catalog that answers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccs_modules::mirror::FetchCounts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::time::Instant;

use crate::mirror::ClusterMirror;

/// The catalog that answers: its age, and whether it is stale.
#[derive(Debug)]
pub(super) enum CatalogMetrics {
    Kept(KeptCatalog),
    Mirrored(ClusterMirror),
}

/// The state of a catalog that instances keep.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct KeptCatalog {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// When the store was asked last and had this catalog.
    confirmed: Option<Instant>,
    /// Whether the store failed the last time.
    failing: bool,
}

impl KeptCatalog {
    /// Notes when the store had the catalog that answers, if one does, and whether the store fails.
    pub(in crate::server) fn set(&self, confirmed: Option<Instant>, failing: bool) {
        *self.state() = State { confirmed, failing };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CatalogMetrics {
    fn age(&self) -> Option<Duration> {
        match self {
            Self::Kept(kept) => kept.state().confirmed.map(|confirmed| confirmed.elapsed()),
            Self::Mirrored(mirror) => mirror.age(),
        }
    }

    fn is_stale(&self) -> bool {
        match self {
            Self::Kept(kept) => kept.state().failing,
            Self::Mirrored(mirror) => !mirror.is_fresh(),
        }
    }
}

impl Collector for CatalogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(age) = self.age() {
            ConstGauge::new(age.as_secs_f64()).encode(encoder.encode_descriptor(
                "catalog_age",
                "Age of the catalog that answers",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?)?;
        }
        ConstGauge::new(i64::from(self.is_stale())).encode(encoder.encode_descriptor(
            "catalog_stale",
            "Whether the store fails, so that the last good catalog answers, or none: 1, or 0",
            None,
            MetricType::Gauge,
        )?)
    }
}

/// The numbers of a mirror's fetches.
#[derive(Debug)]
pub(super) struct MirrorFetches(pub(super) ClusterMirror);

impl Collector for MirrorFetches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let FetchCounts { changed, failed, redirected, unchanged, .. } = self.0.fetches();
        let mut fetches = encoder.encode_descriptor(
            "mirror_fetches",
            "Fetches of the mirror, by outcome",
            None,
            MetricType::Counter,
        )?;
        for (outcome, count) in [
            ("changed", changed),
            ("failed", failed),
            ("redirected", redirected),
            ("unchanged", unchanged),
        ] {
            let labels = [("outcome", outcome)];
            ConstCounter::new(count).encode(fetches.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
