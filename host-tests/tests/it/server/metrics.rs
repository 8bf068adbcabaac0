//! The metrics of a server.

use std::collections::BTreeSet;

use ccs_modules_host::mirror::{MirrorSettings, Source};
use ccs_modules_host::server::Exporter;
use ccs_modules_host::stores::{Scripted, demo};
use ccs_modules_host::{CallLimits, CcsError, Plugin, artifacts};
use tokio_util::sync::CancellationToken;

use crate::support::serving::{Serving, any_port, open_to_all, plugin};
use crate::support::wire::Wire;

#[tokio::test]
async fn requests_instances_and_the_store_are_counted() {
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let server = Serving::start(&plugin, demo(), open_to_all()).await;
    let mut wire = Wire::connect(server.address).await;
    for target in ["/v1/modules", "/v1/modules", "/v1/modules/unknown", "/v2"] {
        wire.ask("GET", target).await;
    }
    let text = server.metrics.text();
    for line in [
        "http_requests_total{status=\"200\"} 2",
        "http_requests_total{status=\"404\"} 2",
        "http_request_duration_seconds_count 4",
        "http_connections 1",
        "instance_starts_total 4",
        "store_duration_seconds_count 3",
    ] {
        let line = format!("\nccs_modules_{line}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    assert!(!text.contains("failures_total{"), "{text}");
    assert!(!text.contains("catalog_stale"), "{text}");
}

#[tokio::test]
async fn failures_of_the_store_are_counted() {
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    for (error, reason) in [
        (CcsError::Denied(String::new()), "denied"),
        (CcsError::Other(String::new()), "other"),
        (CcsError::TooLong(String::new()), "too_long"),
        (CcsError::Unavailable(String::new()), "unavailable"),
    ] {
        let server = Serving::start(&plugin, Scripted::Fails(error.clone()), open_to_all()).await;
        let mut wire = Wire::connect(server.address).await;
        wire.ask("GET", "/v1/modules").await;
        wire.ask("GET", "/v1/modules/a").await;
        let text = server.metrics.text();
        let line = format!("\nccs_modules_store_failures_total{{reason=\"{reason}\"}} 2\n");
        assert!(text.contains(&line), "{line} is not in {text}");

        let store = Source::store(Scripted::Fails(error));
        let server = Serving::mirror(store, MirrorSettings::default()).await;
        Wire::connect(server.address).await.ask("GET", "/v1/modules").await;
        let text = server.metrics.text();
        let line = format!("\nccs_modules_store_failures_total{{reason=\"{reason}\"}} 1\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn each_metric_is_documented() {
    const DOCUMENT: &str = include_str!("../../../../docs/server.md");
    let server = [
        Serving::start(plugin(), demo(), open_to_all()).await,
        Serving::mirror(Source::store(demo()), MirrorSettings::default()).await,
    ];
    let mut names = BTreeSet::new();
    for server in server {
        assert_eq!(Wire::connect(server.address).await.ask("GET", "/v1/modules").await.status, 200);
        for line in server.metrics.text().lines().filter(|line| line.starts_with("# TYPE ")) {
            let [_, _, name, kind] = line.split(' ').collect::<Vec<_>>()[..] else { panic!() };
            names.insert(format!("{name}{}", if kind == "counter" { "_total" } else { "" }));
        }
    }

    assert!(names.len() > 9, "{names:?}");
    for name in names {
        let is_documented =
            ["`", "{"].iter().any(|it| DOCUMENT.contains(&format!("| `{name}{it}")));
        assert!(is_documented, "{name}");
    }
}

#[tokio::test]
async fn metrics_are_on_an_address_of_their_own() {
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    let server = Serving::start(&plugin, demo(), open_to_all()).await;
    let exporter = Exporter::bind(any_port(), server.metrics.clone()).await.unwrap();
    let address = exporter.address().unwrap();
    let stop = CancellationToken::new();
    let exporting = tokio::spawn(exporter.run(stop.clone().cancelled_owned()));

    assert_eq!(Wire::connect(server.address).await.ask("GET", "/metrics").await.status, 404);
    let mut wire = Wire::connect(address).await;
    let reply = wire.ask("GET", "/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(reply.text().contains("\nccs_modules_http_requests_total{status=\"404\"} 1\n"));
    assert!(reply.text().ends_with("# EOF\n"));
    assert_eq!(wire.ask("HEAD", "/metrics").await.status, 200);
    assert_eq!(wire.ask("POST", "/metrics").await.status, 405);
    assert_eq!(wire.ask("GET", "/v1/modules").await.status, 404);
    stop.cancel();
    exporting.await.unwrap();
}
