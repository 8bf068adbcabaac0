//! A false Redis, for hostile replies.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Its reply to a command that asks for documents.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// A reply that begins with the first text and repeats the second for ever.
    Endless(&'static str, &'static str),
    /// This text, and then silence.
    Only(&'static str),
    /// Silence.
    Silent,
}

/// Starts the false Redis. It lives as long as the test.
pub fn start(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || serve(stream, answer));
        }
    });
    address
}

/// Answers the greeting like a Redis, until documents are asked for.
fn serve(mut stream: TcpStream, answer: Answer) {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
        }
        let text = String::from_utf8_lossy(&received);
        let asked = ["HVALS", "HGET"].iter().any(|command| text.contains(command));
        if !asked {
            // The greeting's replies: one line for each command.
            let commands = received.windows(1).filter(|window| window == b"*").count();
            if stream.write_all("+OK\r\n".repeat(commands).as_bytes()).is_err() {
                return;
            }
            received.clear();
            continue;
        }
        received.clear();
        match answer {
            Answer::Endless(start, more) => {
                let more = more.repeat((1 << 20) / more.len());
                let mut sent = stream.write_all(start.as_bytes());
                while sent.is_ok() {
                    sent = stream.write_all(more.as_bytes());
                }
                return;
            }
            Answer::Only(text) => {
                let _ = stream.write_all(text.as_bytes());
            }
            Answer::Silent => {}
        }
    }
}
