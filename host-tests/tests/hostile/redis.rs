//! A Redis that is none.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What it answers to a command that asks for documents.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// A value that begins like this, and goes on like that, for good.
    Endless(&'static str, &'static str),
    /// This, and nothing more.
    Only(&'static str),
    /// Nothing.
    Silent,
}

/// Starts it. It lives as long as the test does.
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

/// Greets as a Redis does, until documents are asked for.
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
            // One line for each command of the greeting.
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
