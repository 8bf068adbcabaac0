//! `ccs-modules serve` as a process, and the memory and files that it takes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A server. It ends when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// Starts a server that lets every caller read, with further command line options.
    pub fn start(options: &[&str]) -> Self {
        Self::with_policy(r#"{"anonymous":["db_viewer"]}"#, options)
    }

    /// Starts a server with an access policy.
    pub fn with_policy(policy: &str, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let access = folder.path().join("access.json");
        fs::write(&access, policy).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ccs-modules"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--access"])
            .arg(&access)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("serving http://").expect("where it is");
        let address = address.strip_suffix("/v1/modules").unwrap().parse().unwrap();
        Self { child, address, _folder: folder }
    }

    /// Sends a GET, and returns the status and the body.
    pub fn get(&self, target: &str) -> (u16, Vec<u8>) {
        self.send(&format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"))
    }

    /// Sends these bytes, as far as the server takes them, and returns the status and the body of
    /// the response; status 0 if there is none.
    pub fn send(&self, request: &str) -> (u16, Vec<u8>) {
        let mut stream = self.connect();
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else { return (0, answer) };
        let head = String::from_utf8_lossy(&answer[..end]);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // A limit above every timeout of the server.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// The peak of its memory, in bytes.
    pub fn peak(&self) -> usize {
        self.status("VmHWM:") << 10
    }

    /// The memory that it has now, in bytes.
    pub fn memory(&self) -> usize {
        self.status("VmRSS:") << 10
    }

    pub fn threads(&self) -> usize {
        self.status("Threads:")
    }

    /// The number of its open files.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn status(&self, field: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
