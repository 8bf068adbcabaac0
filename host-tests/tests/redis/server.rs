//! A Redis for one test: on a port of its own, with a password, ended with the test.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ccs_modules_host::stores::Redis;
use redis::{Client, Connection, ConnectionLike};
use tempfile::TempDir;

use crate::port::ReservedPort;

/// A running `redis-server`. It writes to disk only when it is told to.
pub struct Server {
    child: Option<Child>,
    folder: TempDir,
    port: ReservedPort,
    pub password: String,
    options: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with further command line options; `{port}` stands for the port, and plain TCP is
    /// off if an option uses it.
    pub fn start_with(options: &[&str]) -> Self {
        Self::launch(options, &[])
    }

    /// Starts it with further environment variables.
    pub fn start_in(environment: &[(&str, &str)]) -> Self {
        Self::launch(&[], environment)
    }

    fn launch(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.into(), value.into());
        let mut server = Self {
            child: None,
            folder: TempDir::new().unwrap(),
            port: ReservedPort::any(),
            password: random(),
            options: options.iter().map(|&option| option.into()).collect(),
            environment: environment.iter().map(owned).collect(),
        };
        server.run();
        server
    }

    /// Kills it, as a power failure does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, on the same port, with the saved data.
    pub fn restart(&mut self) {
        assert!(self.child.is_none());
        self.run();
    }

    pub fn restarted(mut self) -> Self {
        self.restart();
        self
    }

    /// Stops the process: connections stay open, and nothing is answered.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// The URL for the command line, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port())
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The hash as a store; a missing key is an empty catalog.
    pub fn store(&self) -> Redis {
        Redis::new(format!("{}?missing=empty", self.url()).parse().unwrap())
    }

    /// A connection that prepares the data of a test.
    pub fn connection(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Runs one command, given as words.
    pub fn run_command(&self, words: &[&str]) -> redis::Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection()).unwrap()
    }

    fn run(&mut self) {
        let number = self.port();
        let port = number.to_string();
        let options: Vec<_> =
            self.options.iter().map(|option| option.replace("{port}", &port)).collect();
        let tls = options != self.options;
        let child = Command::new("redis-server")
            .args(["--port", if tls { "0" } else { &port }, "--bind", "127.0.0.1", "--save", ""])
            .args(["--requirepass", &self.password])
            .args(["--dir", self.folder.path().to_str().unwrap()])
            .args(options)
            .envs(self.environment.iter().cloned())
            .stdout(Stdio::null())
            .spawn();
        let child = match child {
            Ok(child) => self.child.insert(child),
            Err(error) => panic!("redis-server: {error}; apt-get install redis-server"),
        };
        let begun = Instant::now();
        loop {
            assert!(child.try_wait().unwrap().is_none(), "redis-server ended at once");
            let answers = if tls {
                std::net::TcpStream::connect(("127.0.0.1", number)).is_ok()
            } else {
                Client::open(format!("redis://:{}@127.0.0.1:{port}", self.password))
                    .unwrap()
                    .get_connection()
                    .is_ok_and(|mut connection| connection.check_connection())
            };
            if answers {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "redis-server does not answer");
            sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id();
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
