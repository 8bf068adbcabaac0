//! Load on servers, by wrk.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::effort::Effort;
use crate::failure::{Failure, Outcome};
use crate::process::{Serving, output};
use crate::row::{Quantity, median};

/// Two threads, 32 connections that are kept alive.
pub const FLAGS: [&str; 2] = ["-t2", "-c32"];

/// Fails if wrk is missing, before anything is started for it.
pub fn require_wrk() -> Outcome<()> {
    match Command::new("wrk").arg("--version").output() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err("wrk is missing: the Debian package is called wrk (apt-get install wrk)".into())
        }
        Err(error) => Err(format!("cannot run wrk: {error}").into()),
    }
}

/// The requests per second of each server. The servers take turns.
pub fn rates(servers: &[(&Serving, &str)], effort: Effort) -> Outcome<Vec<Quantity>> {
    let mut rates = vec![Vec::new(); servers.len()];
    for _ in 0..effort.rounds {
        for ((server, target), rates) in servers.iter().zip(&mut rates) {
            rates.push(load(server, target, effort.load.as_secs())?);
        }
    }
    Ok(rates.into_iter().map(|rates| Quantity::PerSecond(median(rates))).collect())
}

/// Asks all servers for a target, and checks that they answer the same JSON.
pub fn same_answers(servers: &[&Serving], target: &str) -> Outcome<()> {
    let answers: Outcome<Vec<Value>> = servers.iter().map(|server| ask(server, target)).collect();
    match answers?.windows(2).all(|two| two[0] == two[1]) {
        true => Ok(()),
        false => Err(format!("not all servers answer GET {target} alike").into()),
    }
}

fn load(server: &Serving, target: &str, seconds: u64) -> Outcome<f64> {
    let url = format!("http://{}{target}", server.address);
    let text = output(Command::new("wrk").args(FLAGS).arg(format!("-d{seconds}")).arg(url))?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("GET {target} went wrong under load:\n{text}").into());
    }
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate = rate.and_then(|rate| rate.trim().parse().ok());
    rate.ok_or_else(|| Failure::from(format!("wrk did not say how many requests:\n{text}")))
}

fn ask(server: &Serving, target: &str) -> Outcome<Value> {
    let mut stream = TcpStream::connect(&server.address)?;
    write!(stream, "GET {target} HTTP/1.0\r\nhost: {}\r\n\r\n", server.address)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(body)
        .map_err(|error| format!("GET {target} answered no JSON ({error}):\n{answer}").into())
}
