//! `ccs-modules serve`, as a process whose log is read while it runs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
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
        let mut command = command(&[&["serve"], arguments].concat());
        command.envs(variables.iter().copied());
        Self::spawn(folder, command, arguments.contains(&"--metrics"))
    }

    /// Starts a server that can open so many files at a time.
    pub fn start_with_files(folder: &TempDir, files: u32) -> Self {
        let serve = command(&["serve"]);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\" \"$@\""));
        shell.arg(serve.get_program()).args(serve.get_args());
        shell.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::spawn(folder, shell, false)
    }

    fn spawn(folder: &TempDir, mut command: Command, has_metrics: bool) -> Self {
        let path = |name: &str| folder.path().join(name);
        fs::write(path("access.json"), r#"{"anonymous":["db_viewer"]}"#).unwrap();
        let log = path("log");
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--access"])
            .arg(path("access.json"))
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let greeting: Value = serde_json::from_str(&line).expect("JSON");
        let url = greeting["serving"].as_str().unwrap();
        let address = url.split_once("://").unwrap().1.trim_end_matches("/v1/modules");
        let metrics = greeting["metrics"].as_str().map(|address| address.parse().unwrap());
        assert_eq!(metrics.is_some(), has_metrics);
        Self { child, log, address: address.parse().unwrap(), metrics }
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
        self.signal("TERM");
        assert_eq!(self.exit_code(), Some(0));
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Waits for the end; `None` if a signal has ended it.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
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
