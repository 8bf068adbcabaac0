//! The files of a running server: their state in the metrics, and the dates of its certificate.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::support::process::Server;
use crate::support::serving::until;
use crate::support::wire::Wire;

#[tokio::test]
async fn a_refused_file_is_in_the_metrics_until_it_can_be_used() {
    let folder = TempDir::new().unwrap();
    write_pair(folder.path(), 2020, 2090);
    let server = serve(&folder);
    let access = folder.path().join("access.json");
    let good = fs::read_to_string(&access).unwrap();
    for (path, good, file) in [
        (access, good, "access_policy"),
        (folder.path().join("cert.pem"), read(&folder, "cert.pem"), "certificate"),
    ] {
        for (text, value) in [("nonsense", 1), (&*good, 0)] {
            fs::write(&path, text).unwrap();
            server.signal("HUP");
            metric(&server, &format!("file_refused{{file=\"{file}\"}} {value}")).await;
        }
    }
}

#[tokio::test]
async fn a_certificate_out_of_its_dates_is_a_warning_and_its_end_is_in_the_metrics() {
    const END: &str = "tls_certificate_expiration_timestamp_seconds{}";
    let folder = TempDir::new().unwrap();
    write_pair(folder.path(), 1999, 2001);
    let server = serve(&folder);
    server.logged("the certificate of this server has expired").await;
    metric(&server, &format!("{END} 978307200")).await;

    write_pair(folder.path(), 2080, 2090);
    server.signal("HUP");
    server.logged("the certificate of this server is not valid yet").await;
    metric(&server, &format!("{END} 3786912000")).await;

    write_pair(folder.path(), 2020, 2080);
    server.signal("HUP");
    metric(&server, &format!("{END} 3471292800")).await;
}

#[tokio::test]
async fn without_a_certificate_there_is_no_end_of_one() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&folder, &["--metrics", "127.0.0.1:0"]);
    assert!(!metrics(&server).await.contains("\nccs_modules_tls_"));
}

/// Starts a server with the certificate of this folder.
fn serve(folder: &TempDir) -> Server {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let options = ["--tls-cert", &cert, "--tls-key", &key, "--metrics", "127.0.0.1:0"];
    Server::start(folder, &options)
}

/// Writes a certificate that is valid between the beginnings of two years, and its key.
fn write_pair(folder: &Path, not_before: i32, not_after: i32) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(not_before, 1, 1);
    params.not_after = date_time_ymd(not_after, 1, 1);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

/// Waits until the metrics have this line.
async fn metric(server: &Server, line: &str) {
    let line = format!("\nccs_modules_{line}\n");
    until(async || metrics(server).await.contains(&line)).await;
}

async fn metrics(server: &Server) -> String {
    let mut wire = Wire::connect(server.metrics.unwrap()).await;
    wire.ask("GET", "/metrics").await.text().to_owned()
}
