//! The options for traces.

use std::env;

use ccs_modules_host::traces::{CollectorUrl, Traces};
use clap::Args;

use crate::cli::Failure;
use crate::cli::store::AddressParser;

/// The options for traces.
#[derive(Args)]
pub struct TraceArgs {
    /// The OpenTelemetry collector to send traces to, over OTLP (HTTP, protobuf), such as
    /// `http://127.0.0.1:4318`. Default: the variable OTEL_EXPORTER_OTLP_ENDPOINT; without both there
    /// are no traces. OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and others of
    /// OpenTelemetry count too.
    #[arg(long, value_name = "URL", value_parser = AddressParser::<CollectorUrl>::new())]
    otlp_endpoint: Option<CollectorUrl>,
}

impl TraceArgs {
    /// Starts to send traces, if there is a collector.
    pub fn start(&self) -> Result<Option<Traces>, Failure> {
        let collector = match &self.otlp_endpoint {
            Some(collector) => Some(collector.clone()),
            None => of_environment()?,
        };
        let traces = collector.map(|collector| Traces::start(&collector));
        traces.transpose().map_err(Failure::other)
    }
}

fn of_environment() -> Result<Option<CollectorUrl>, Failure> {
    let Some(url) = env::var_os(ENDPOINT).filter(|url| !url.is_empty()) else { return Ok(None) };
    let collector = url.to_string_lossy().parse();
    collector.map(Some).map_err(|error| Failure::Other(format!("{ENDPOINT}: {error}")))
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
