//! Metrics of the files that a server reads again while it runs.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Metrics of the files that a server reads again while it runs. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileMetrics {
    refused: Family<Refused, Gauge>,
    /// Empty without a certificate.
    certificate_expiration: Family<[(&'static str, &'static str); 0], Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    file: &'static str,
}

impl FileMetrics {
    /// Adds the metrics to those that are exported.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "file_refused",
            "Whether a file cannot be used as it is now, so that its last content that could be is: 1, or 0",
            self.refused.clone(),
        );
        registry.register_with_unit(
            "tls_certificate_expiration_timestamp",
            "End of the validity of the certificate in use, since 1970",
            Unit::Seconds,
            self.certificate_expiration.clone(),
        );
    }

    /// Notes that a file was read, and whether it can be used.
    pub(crate) fn read(&self, file: &'static str, is_usable: bool) {
        self.refused.get_or_create(&Refused { file }).set(i64::from(!is_usable));
    }

    /// Notes the end of the validity of the certificate in use, in seconds since 1970.
    pub(crate) fn certificate_expires(&self, timestamp: i64) {
        self.certificate_expiration.get_or_create(&[]).set(timestamp);
    }
}
