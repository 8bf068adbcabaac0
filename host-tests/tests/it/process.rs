//! `ccs-modules serve`, as a process whose log is read while it runs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// A server that logs into a file. It ends when this is dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    pub address: SocketAddr,
    /// The address of the metrics; none without `--metrics`.
    pub metrics: Option<SocketAddr>,
}

impl Server {
    pub fn start(folder: &TempDir, arguments: &[&str]) -> Self {
        Self::start_in(folder, arguments, &[])
    }

    /// Starts a server with these variables in its environment.
    pub fn start_in(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let path = |name: &str| folder.path().join(name);
        fs::write(path("access.json"), r#"{"anonymous":["db_viewer"]}"#).unwrap();
        let log = path("log");
        let mut child = command(&[&["serve"], arguments].concat())
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--access"])
            .arg(path("access.json"))
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |before: &str| {
            let line = lines.next().unwrap().unwrap();
            let address = line.strip_prefix(before).unwrap_or_else(|| panic!("{line}"));
            address.split('/').next().unwrap().parse().unwrap()
        };
        let serving = address("serving http://");
        let metrics = arguments.contains(&"--metrics").then(|| address("metrics http://"));
        Self { child, log, address: serving, metrics }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log has this text. The time limit is only for a log that never has it.
    pub async fn logged(&self, text: &str) {
        let waiting = async {
            while !self.log().contains(text) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), waiting)
            .await
            .unwrap_or_else(|_| panic!("{}", self.log()));
    }

    pub fn stop(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, with the credentials of a cluster in its environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = crate::command::command(arguments);
    command.env("REDIS_ENTERPRISE_USER", "ann").env("REDIS_ENTERPRISE_PASSWORD", "s3cret");
    command
}
