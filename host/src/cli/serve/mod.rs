//! `serve`: serves the REST API on a network.

mod access;
mod answering;
mod limits;
mod listen;
mod log;
mod stop;
mod tls;
mod traces;
mod watch;

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use ccs_modules_host::server::{Exporter, PageFiles, Server, Settings};
use clap::Args;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use self::access::{Callers, is_loopback};
use self::answering::AnsweringArgs;
use self::limits::LimitArgs;
use self::listen::ListenAddress;
use self::log::Format;
use self::tls::Certificate;
use self::traces::TraceArgs;
use self::watch::WatchedFiles;
use super::{Failure, StoreAddress, print};

/// The arguments of `serve`.
#[derive(Args)]
pub struct Serve {
    /// The store of the modules, as for `list`.
    #[arg(long, value_name = "STORE", default_value = "demo")]
    store: StoreAddress,
    /// The address to listen on, an IP address or a name; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,
    /// The access policy, JSON: `{"users":[{"name":…,"password_sha256":…,"roles":[…]}]}`,
    /// `{"subjects":{…}}`, `{"trusted_header":…}`, `{"anonymous":[…]}`, or `{"cluster":{}}` to ask the cluster.
    /// Without a policy, a password is generated and shown; this is for loopback addresses only.
    #[arg(long, value_name = "FILE")]
    access: Option<PathBuf>,
    #[command(flatten)]
    certificate: Certificate,
    /// The address to answer `GET /metrics` on.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<ListenAddress>,
    /// A folder of static files to serve at `/`, such as `node_modules/ccs-modules/dist/page`: the page
    /// to read catalogs on, for callers who may see the modules.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    #[command(flatten)]
    traces: TraceArgs,
    #[command(flatten)]
    answering: AnsweringArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// The level of the log: off, error, warn, info (each request), debug.
    #[arg(long, value_name = "LEVEL", default_value_t = LevelFilter::INFO)]
    log: LevelFilter,
    /// The form of the log.
    #[arg(long, value_enum, default_value_t)]
    log_format: Format,
}

/// Serves until a signal stops it.
pub async fn run(serve: Serve) -> Result<Vec<u8>, Failure> {
    let _log = log::start(serve.log, serve.log_format)?;
    let addresses = serve.listen.resolve().await?;
    let is_local = addresses.iter().copied().all(is_loopback);
    let files = WatchedFiles::new(serve.access.as_deref(), &serve.certificate)
        .map_err(|error| Failure::Other(format!("cannot handle SIGHUP: {error}")))?;
    let client_ca = files.client_ca()?;
    let Callers { authenticator, generated } =
        Callers::find(files.access()?, &serve.store, &serve.listen, is_local, client_ca.is_some())?;
    let tls = match files.tls()? {
        Some(tls) => Some(tls),
        None => serve.certificate.generate(&serve.listen)?,
    };
    if tls.is_none() && !is_local {
        tracing::warn!("without TLS, credentials and answers can be read on their way");
    }

    let traces = serve.traces.start()?;
    let page = serve.page.as_deref().map(PageFiles::load);
    let settings = Settings {
        access: Some(authenticator),
        client_ca,
        limits: serve.limits.connection_limits(),
        page: page.transpose().map_err(Failure::other)?,
        tls,
        traces: traces.clone(),
    };
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let call_limits = serve.limits.call_limits();
    let answering = serve.answering.load(&serve.store, call_limits, traces.clone()).await?;
    let server = Server::bind(&*addresses, answering, settings)
        .await
        .map_err(|error| cannot_listen(&serve.listen, &error))?;
    let url = format!("{scheme}://{}/v1/modules", server.address().map_err(Failure::other)?);
    let exporter = match &serve.metrics {
        None => None,
        Some(address) => Some(
            Exporter::bind(&*address.resolve().await?, server.metrics())
                .await
                .map_err(|error| cannot_listen(address, &error))?,
        ),
    };

    // Signals are handled before the output says that there is a server.
    let stop = stop::on_signal().map_err(Failure::other)?;
    tracing::info!(url, "serving");
    print(&serve.greeting(&url, exporter.as_ref(), generated.as_deref())?)?;
    tokio::spawn(files.reload_into(server.reload(), serve.store.clone()));
    let stopped = || stop.clone().cancelled_owned();
    let exporting = exporter.map(|exporter| tokio::spawn(exporter.run(stopped())));
    let served = tokio::spawn(server.run(stopped())).await;
    // If the server has failed, the process must not live on to export metrics.
    stop.cancel();
    if let Some(exporting) = exporting {
        exporting.await.map_err(Failure::other)?;
    }
    served.map_err(Failure::other)?;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    Ok(Vec::new())
}

impl Serve {
    /// The text for the person who starts the server, or JSON beside a log in JSON. It may contain a
    /// password, so it is not logged.
    fn greeting(
        &self,
        url: &str,
        exporter: Option<&Exporter>,
        generated: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        if self.log_format == Format::Json {
            let metrics = exporter.map(Exporter::address).transpose().map_err(Failure::other)?;
            let greeting = json!({ "serving": url, "metrics": metrics, "credentials": generated });
            return Ok(format!("{greeting}\n").into_bytes());
        }

        let mut text = format!("serving {url}\n");
        if self.page.is_some() {
            text += &format!("page {}\n", url.trim_end_matches("v1/modules"));
        }
        if let Some(exporter) = exporter {
            let address = exporter.address().map_err(Failure::other)?;
            text += &format!("metrics http://{address}/metrics\n");
        }
        if let Some(credentials) = generated {
            let trust = if self.certificate.is_self_signed() { "-k " } else { "" };
            text += &format!(
                "a password for this run, shown only here:\n  curl {trust}-u {credentials} {url}\n"
            );
        }
        Ok(text.into_bytes())
    }
}

fn cannot_listen(address: &ListenAddress, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there".into(),
        ErrorKind::AddrNotAvailable => "this machine does not have the address".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    };
    Failure::Other(format!("cannot listen on {address}: {reason}"))
}
