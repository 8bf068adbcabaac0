//! A server under mixed requests over HTTP/1.1 and HTTP/2, good and hostile, over stores that fail, and over a cluster
//! whose nodes and passwords change and which is asked who is calling, for a given time:
//!
//! ```sh
//! cargo test -p ccs-modules-host --test soak -- SECONDS [REQUESTS]
//! ```
//!
//! Default: five seconds, or ten minutes with the environment variable `CCS_MODULES_LONG`. At the end the
//! server has no more memory, files and threads than early on, and has answered at least `REQUESTS`
//! requests. Needs Linux.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod cluster;
#[allow(dead_code, reason = "some of it is for the tests of the server")]
#[path = "../it/server/http2.rs"]
mod http2;
#[allow(dead_code, reason = "some of it is for the hostile tests")]
#[path = "../hostile/process.rs"]
mod process;
#[path = "../hostile/redis.rs"]
mod redis;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;

use crate::cluster::{Cluster, authorization};
use crate::process::Server;
use crate::redis::Answer;

/// The number of clients of each server over HTTP/1.1. One more speaks HTTP/2.
const CLIENTS: usize = 3;

/// The memory, in MiB, that may come on top of the early size: allocators keep some of what was
/// freed.
const MARGIN: usize = 16;

/// The same for a store whose answers never end: they are read up to their limit.
const MARGIN_OF_ENDLESS: usize = 160;

/// The number of threads that may come on top of the early number: files are read on threads that
/// come and go.
const FILE_THREADS: usize = CLIENTS + 1;

/// The requests that a client repeats: a method, a target, and a header field.
const REQUESTS: &[(&str, &str, (&str, &str))] = &[
    ("GET", "/v1/modules", ("x-test", "")),
    ("GET", "/v1/modules/b14385b09778a335835ee3ae380bbc77", ("x-test", "")),
    ("GET", "/v1/modules?module_name=bf", ("x-test", "")),
    ("GET", "/v1/modules", ("if-none-match", "*")),
    ("GET", "/v1/modules", ("accept", "text/html")),
    ("GET", "/v1/modules/%ff", ("x-test", "")),
    ("GET", "/v1/modules?version=x", ("x-test", "")),
    ("POST", "/v1/modules", ("content-length", "0")),
    ("GET", "/v2", ("x-test", "")),
    ("GET", "/readyz", ("x-test", "")),
];

/// Bytes that end a connection, each in another way.
const RUDE: &[&str] = &[
    "",
    "nonsense\r\n\r\n",
    "GET /v1/modules HTTP/1.1\r\nx: ",
    "GET /v1/modules HTTP/1.1\r\nhost: test\r\n\r\n",
    "POST /v1/modules HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\nx",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0",
    "\x16\x03\x01\x02\0\x01\0\x01",
];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|it| it.parse().expect("a number"));
    let long = std::env::var_os("CCS_MODULES_LONG").is_some();
    let time = Duration::from_secs(numbers.next().unwrap_or(if long { 600 } else { 5 }));
    let wanted = usize::try_from(numbers.next().unwrap_or(0)).unwrap();

    let broken = redis::start(Answer::Only("$-2\r\n"));
    let silent = redis::start(Answer::Silent);
    let endless = redis::start(Answer::Endless("*9000000000000000000\r\n", "$1\r\nx\r\n"));
    let endless = format!("redis://{endless}");
    let options = |store: &str| -> Vec<String> {
        ["--store", store, "--store-timeout", "200ms"].map(String::from).into()
    };
    let cluster = Cluster::start();
    let cluster_url = cluster.url();
    let served = [
        [options(&cluster_url), ["--refresh", "50ms"].map(String::from).into()].concat(),
        options("demo"),
        [options("demo"), vec!["--component".into()]].concat(),
        options(&format!("redis://{broken}")),
        options(&format!("redis://{silent}")),
        options(&endless),
        options("redis://127.0.0.1:1"),
        options("file:/nowhere/modules.json"),
    ];
    let mut counts = BTreeMap::new();
    thread::scope(|scope| {
        let runs: Vec<_> = served
            .iter()
            .map(|options| {
                let margin = if options[1] == endless { MARGIN_OF_ENDLESS } else { MARGIN };
                let asks_cluster = options[1] == cluster_url;
                let policy = if asks_cluster { ASKS_CLUSTER } else { ANYBODY };
                scope.spawn(move || {
                    let counts = run(policy, options, time, margin);
                    let is_complete = counts.contains_key(&200) && counts.contains_key(&401);
                    assert!(!asks_cluster || is_complete, "{counts:?}");
                    counts
                })
            })
            .collect();
        for run in runs {
            for (status, count) in run.join().unwrap() {
                *counts.entry(status).or_insert(0) += count;
            }
        }
    });
    let requests: usize = counts.values().sum();
    println!("{requests} requests in {time:?}, by status (0: cut off): {counts:?}");
    assert!(requests >= wanted, "{requests} requests, {wanted} wanted");
    let (passwords, used) = cluster.passwords();
    println!("{used} of {passwords} passwords got the list of the cluster");
    assert!(used > 1, "the server does not take a new password");
}

/// A policy by which nobody is asked.
const ANYBODY: &str = r#"{"anonymous":["db_viewer"]}"#;

/// A policy by which the cluster is asked about almost every request.
const ASKS_CLUSTER: &str = r#"{"cluster":{"max_age_ms":20}}"#;

/// Runs one server and its clients; returns the number of answers by status.
fn run(policy: &str, options: &[String], time: Duration, margin: usize) -> Counts {
    let words: Vec<_> = options.iter().map(String::as_str).collect();
    let server = Server::with_policy(policy, &words);
    let (stop, begun) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        let mut clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| client(&server, &stop))).collect();
        clients.push(scope.spawn(|| http2_client(&server, &stop)));
        // By now every kind of request has happened a few times.
        thread::sleep(time / 5);
        let early = Taken::by(&server);
        thread::sleep(time.saturating_sub(begun.elapsed()));
        stop.store(true, Ordering::Relaxed);
        let mut counts = Counts::new();
        for client in clients {
            for (status, count) in client.join().unwrap() {
                *counts.entry(status).or_insert(0) += count;
            }
        }
        let late = Taken::by(&server);
        println!("{}: {early:?}, then {late:?}", options[1]);
        late.assert_no_more_than(&early, margin);
        counts
    })
}

/// The number of responses by their status; 0 for a request that was cut off.
type Counts = BTreeMap<u16, usize>;

/// The memory, files and threads of a server.
#[derive(Debug)]
struct Taken {
    mebibytes: usize,
    files: usize,
    threads: usize,
}

impl Taken {
    /// The least of several moments, which leaves out the requests in flight.
    fn by(server: &Server) -> Self {
        let moments = (0..20).map(|_| {
            thread::sleep(Duration::from_millis(50));
            (server.memory(), server.files(), server.threads())
        });
        let least = moments.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1), a.2.min(b.2)));
        let (memory, files, threads) = least.unwrap();
        Self { mebibytes: memory >> 20, files, threads }
    }

    fn assert_no_more_than(&self, early: &Self, margin: usize) {
        assert!(self.mebibytes <= early.mebibytes + margin, "memory grows");
        assert!(self.files <= early.files + 2 * (CLIENTS + 1), "files stay open");
        assert!(self.threads <= early.threads + FILE_THREADS, "threads stay");
    }
}

/// Sends requests until it is stopped.
fn client(server: &Server, stop: &AtomicBool) -> Counts {
    let mut counts = Counts::new();
    let (mut turn, mut number) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        // A connection that is kept for a while.
        let mut stream = BufReader::new(server.connect());
        for (method, target, (name, value)) in REQUESTS.iter().cycle().take(50) {
            number += 1;
            let authorization = authorization(number);
            let request = format!(
                "{method} {target} HTTP/1.1\r\nhost: test\r\n{name}: {value}\r\nauthorization: {authorization}\r\n\r\n"
            );
            *counts.entry(ask(&mut stream, &request).unwrap_or(0)).or_insert(0) += 1;
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        // A second connection that ends badly; its response is not read.
        let _ = server.connect().write_all(RUDE[turn % RUDE.len()].as_bytes());
        *counts.entry(0).or_insert(0) += 1;
    }
    counts
}

/// Sends requests over HTTP/2 until it is stopped, two at a time, and then one that it gives up.
#[tokio::main(flavor = "current_thread")]
async fn http2_client(server: &Server, stop: &AtomicBool) -> Counts {
    let mut counts = Counts::new();
    let mut number = 0;
    let mut next = || {
        number += 1;
        let (method, target, (name, value)) = REQUESTS[number % REQUESTS.len()];
        let request = Request::builder().method(method).uri(format!("http://test{target}"));
        let request = request.header(name, value).header("authorization", authorization(number));
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    while !stop.load(Ordering::Relaxed) {
        let mut one = http2::Client::connect(server.address).await;
        let (mut two, mut three) = (one.again(), one.again());
        for _ in 0..25 {
            let responses = tokio::join!(one.send(next()), two.send(next()));
            for response in [responses.0, responses.1] {
                *counts.entry(response.map_or(0, |(status, _)| status)).or_insert(0) += 1;
            }
            let _ = tokio::time::timeout(Duration::ZERO, three.send(next())).await;
            *counts.entry(0).or_insert(0) += 1;
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    counts
}

/// The status of the response, which is read to its end.
fn ask(stream: &mut BufReader<TcpStream>, request: &str) -> Option<u16> {
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(status)
}
