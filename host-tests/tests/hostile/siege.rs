//! Many HTTP/2 connections that do their worst, and one honest client beside them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ccs_modules_host::server::ConnectionLimits;

use crate::process::Server;

const CONNECTIONS: usize = 500;
const MIB: usize = 1 << 20;
/// The time between two moves of a client.
const PACE: Duration = Duration::from_millis(100);

#[test]
fn many_connections_that_do_their_worst_keep_nobody_waiting() {
    let long = std::env::var_os("CCS_MODULES_LONG").is_some();
    let time = Duration::from_secs(if long { 60 } else { 10 });
    // Clients are late several times.
    let timeout = if long { "20s" } else { "3s" };
    let server = Server::start(&["--client-timeout", timeout]);
    assert_eq!(server.get("/v1/modules").0, 200);
    let before = server.memory();

    let is_over = AtomicBool::new(false);
    let (answers, slowest, clients) = thread::scope(|scope| {
        let besieging = scope.spawn(|| besiege(&server, &is_over));
        let started = Instant::now();
        let (mut answers, mut slowest) = (0, Duration::ZERO);
        while started.elapsed() < time {
            let asked = Instant::now();
            assert_eq!(server.get("/v1/modules").0, 200, "after {answers} answers");
            (answers, slowest) = (answers + 1, slowest.max(asked.elapsed()));
            thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Relaxed);
        (answers, slowest, besieging.join().unwrap())
    });

    let (grown, most) = (server.peak() - before, CONNECTIONS * ConnectionLimits::CONNECTION_BYTES);
    println!(
        "{answers} answers, the slowest in {} ms; {clients} connections; {} MiB of {} MiB",
        slowest.as_millis(),
        grown / MIB,
        most / MIB
    );
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(grown < most, "{} MiB of {} MiB", grown / MIB, most / MIB);
    assert!(grown > most / 16, "{} MiB: they do not do their worst", grown / MIB);
    assert!(clients > CONNECTIONS, "no client was late");
}

/// The worst that a client does.
#[derive(Clone, Copy)]
enum Worst {
    /// It asks for a hundred lists, takes nothing of them, and sends PINGs.
    TakesNothing,
    /// It sends PINGs, and no request.
    Pings,
    /// It sends one byte of a head after the other.
    SlowHead,
    /// It sends header fields without an end.
    EndlessHead,
    /// It sends a part of the preface.
    HalfOpen,
}

const ALL: [Worst; 5] =
    [Worst::TakesNothing, Worst::Pings, Worst::SlowHead, Worst::EndlessHead, Worst::HalfOpen];

/// Keeps so many connections open. Returns how many were opened.
fn besiege(server: &Server, is_over: &AtomicBool) -> usize {
    let open = |index: usize| (ALL[index % ALL.len()], begin(server, ALL[index % ALL.len()]));
    let mut clients: Vec<_> = (0..CONNECTIONS).map(open).collect();
    let mut opened = CONNECTIONS;
    while !is_over.load(Ordering::Relaxed) {
        for (worst, stream) in &mut clients {
            if !goes_on(*worst, stream) {
                *stream = begin(server, *worst);
                opened += 1;
            }
        }
        thread::sleep(PACE);
    }
    opened
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

fn begin(server: &Server, worst: Worst) -> TcpStream {
    let mut bytes = PREFACE.to_vec();
    // The initial window of streams is 0.
    bytes.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    match worst {
        Worst::TakesNothing => {
            for stream in 0..100 {
                // Indexed fields of the static table: GET and http. Then :path and :authority, spelt out.
                let head = b"\x82\x86\x04\x0b/v1/modules\x01\x04test";
                bytes.extend(frame(1, 5, 1 + 2 * stream, head));
            }
        }
        Worst::Pings => bytes.extend(PING),
        // The length of the value is 16 KiB.
        Worst::SlowHead => bytes.extend(frame(1, 0, 1, b"\x82\x86\0\x01x\x7f\x81\x7f")),
        Worst::EndlessHead => bytes.extend(frame(1, 0, 1, b"\x82\x86")),
        Worst::HalfOpen => bytes.truncate(PREFACE.len() / 2),
    }
    let mut stream = server.connect();
    // The server may have ended the connection already.
    let _ = stream.write_all(&bytes);
    stream.set_nonblocking(true).unwrap();
    stream
}

/// Sends the next bytes. Returns whether the connection is still open.
fn goes_on(worst: Worst, stream: &mut TcpStream) -> bool {
    let field = [&b"\0\x01x\x7f\x81\x1e"[..], &[b'x'; 3968]].concat();
    let bytes = match worst {
        Worst::TakesNothing | Worst::Pings => PING.to_vec(),
        Worst::SlowHead => frame(9, 0, 1, b"x"),
        Worst::EndlessHead => frame(9, 0, 1, &field),
        Worst::HalfOpen => Vec::new(),
    };
    let is_open = |error: std::io::Error| error.kind() == ErrorKind::WouldBlock;
    let is_sent = bytes.is_empty() || stream.write(&bytes).map_or_else(is_open, |_| true);
    // What has arrived is thrown away, so that the end is seen behind it.
    loop {
        match stream.read(&mut [0; 16 << 10]) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return is_sent && is_open(error),
        }
    }
}

/// A frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
