//! A cluster of two nodes that go down in turn, and that change the password of the server again and again.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tempfile::TempDir;

/// The time for which a password is the right one. In a third of it the server has an old one.
const PASSWORD_LIFE: Duration = Duration::from_millis(900);

/// The cluster. It lives as long as the test.
pub struct Cluster {
    nodes: [SocketAddr; 2],
    folder: TempDir,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The number of the password that the nodes accept.
    password: AtomicUsize,
    /// The number of the last password by which the server has got the list, and how many passwords did.
    used: Mutex<(usize, usize)>,
}

impl Cluster {
    pub fn start() -> Self {
        let (state, folder) = (Arc::new(State::default()), TempDir::new().unwrap());
        let nodes = [0, 1].map(|index| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let (address, state) = (listener.local_addr().unwrap(), state.clone());
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let (stream, state) = (stream.unwrap(), state.clone());
                    thread::spawn(move || state.serve(index, stream));
                }
            });
            address
        });
        let cluster = Self { nodes, folder, state };
        write_credentials(&cluster.credentials(), 0);

        let (state, credentials) = (cluster.state.clone(), cluster.credentials());
        thread::spawn(move || {
            loop {
                thread::sleep(PASSWORD_LIFE * 2 / 3);
                let number = state.password.fetch_add(1, Ordering::Relaxed) + 1;
                thread::sleep(PASSWORD_LIFE / 3);
                // The folder is gone at the end of the test.
                if !credentials.parent().is_some_and(|folder| folder.exists()) {
                    return;
                }
                write_credentials(&credentials, number);
            }
        });
        cluster
    }

    /// The address of the store.
    pub fn url(&self) -> String {
        let [one, two] = self.nodes;
        format!("http://{one},http://{two}?credentials={}", self.credentials().display())
    }

    /// How many passwords there were, and by how many of them the server has got the list.
    pub fn passwords(&self) -> (usize, usize) {
        (self.state.password.load(Ordering::Relaxed) + 1, self.state.used.lock().unwrap().1)
    }

    fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials.json")
    }
}

/// Puts a file with this password in the place of the one before.
fn write_credentials(path: &PathBuf, password: usize) {
    let new = path.with_extension("new");
    fs::write(&new, format!(r#"{{"user":"server","password":"{password}"}}"#)).unwrap();
    fs::rename(new, path).unwrap();
}

impl State {
    /// Answers the requests of a connection, while the node is up.
    fn serve(&self, node: usize, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((target, authorization)) = read_head(&mut stream) {
            // Of three passwords, each node is down during one.
            if self.password.load(Ordering::Relaxed) % 3 == node {
                return;
            }
            let (status, body) = match &*target {
                "/v1/users/role" => role(&authorization),
                _ => self.list(&authorization),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Test\r\ncontent-length: {length}\r\n\r\n");
            if stream.get_mut().write_all(format!("{head}{body}").as_bytes()).is_err() {
                return;
            }
        }
    }

    fn list(&self, authorization: &str) -> (u16, &'static str) {
        let password = self.password.load(Ordering::Relaxed);
        if authorization != basic("server", &password.to_string()) {
            return (401, "");
        }
        let mut used = self.used.lock().unwrap();
        if used.1 == 0 || used.0 != password {
            *used = (password, used.1 + 1);
        }
        (200, r#"[{"module_name":"bf","uid":"b14385b09778a335835ee3ae380bbc77"}]"#)
    }
}

/// The field `authorization` of a client, by the number of its request: an empty one, one who may see modules, one who may
/// not, one who guesses, or one whom the cluster does not have.
pub fn authorization(request: usize) -> String {
    match request % 8 {
        0 => String::new(),
        1 => "Bearer a.b.c".into(),
        2 => basic("bob", "secret"),
        3 => basic("eve", &request.to_string()),
        4 => basic(&request.to_string(), "secret"),
        _ => basic("ann", "secret"),
    }
}

fn role(authorization: &str) -> (u16, &'static str) {
    match authorization {
        "Bearer a.b.c" => (200, r#"{"role":"cluster_member"}"#),
        field if field == basic("ann", "secret") => (200, r#"{"role":"db_viewer"}"#),
        field if field == basic("bob", "secret") => (200, r#"{"role":"none"}"#),
        _ => (401, ""),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

/// The target and the field `authorization` of the next request; `None` at the end of the connection.
fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut authorization = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => return Some((target, authorization)),
            line => {
                authorization =
                    line.strip_prefix("authorization: ").map_or(authorization, Into::into)
            }
        }
    }
}
