//! Metrics of the catalog that a mirror keeps.

use std::fmt;

use ccs_modules::mirror::{FetchCounts, Freshness};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::mirror::StoreMirror;

/// The age of the catalog, its modules, whether it is stale, and the numbers of fetches.
#[derive(Debug)]
pub(super) struct CatalogMetrics(pub(super) StoreMirror);

impl Collector for CatalogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.status();
        if let Some(age) = status.age {
            ConstGauge::new(age.as_secs_f64()).encode(encoder.encode_descriptor(
                "catalog_age",
                "Age of the catalog that answers",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?)?;
        }
        if let Some(modules) = self.0.modules() {
            ConstGauge::new(modules as u64).encode(encoder.encode_descriptor(
                "catalog_modules",
                "Modules of the catalog that answers",
                None,
                MetricType::Gauge,
            )?)?;
        }
        let is_stale = !matches!(status.freshness, Ok(Freshness::Fresh { .. }));
        ConstGauge::new(i64::from(is_stale)).encode(encoder.encode_descriptor(
            "catalog_stale",
            "Whether the catalog is not fresh, or may not answer: 1, or 0",
            None,
            MetricType::Gauge,
        )?)?;

        let FetchCounts { changed, failed, redirected, unchanged, .. } = status.fetches;
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
