//! Other programs: commands that end, and servers.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::failure::{Failure, Outcome};

/// Runs a command to its end. Its output is shown only if it fails.
pub fn run(command: &mut Command) -> Outcome<()> {
    output(command).map(drop)
}

/// The output of a command.
pub fn output(command: &mut Command) -> Outcome<String> {
    let name = command.get_program().display().to_string();
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::from(format!("cannot run {name}: {error}")))?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&done.stderr);
    Err(format!("{name} failed, {}:\n{text}{errors}", done.status).into())
}

/// A server that runs until this is dropped.
pub struct Serving {
    child: Child,
    /// The address: `127.0.0.1:` and the port.
    pub address: String,
}

impl Serving {
    /// Starts a server on any free port, and reads the port from its output.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        let name = command.get_program().display().to_string();
        let (reader, writer) = io::pipe()?;
        let child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn();
        // Without this the command would keep the writing ends, and the pipe would not end with the
        // server.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.map_err(|error| format!("cannot start {name}: {error}"))?;
        let mut serving = Self { child, address: String::new() };
        let mut lines = BufReader::new(reader);
        let mut printed = String::new();
        while lines.read_line(&mut printed)? > 0 {
            if let Some((_, rest)) = printed.split_once("http://") {
                let end = rest.find(['/', '\n']).unwrap_or(rest.len());
                serving.address = rest[..end].to_owned();
                // The pipe must be read: a program that writes into a full pipe waits for ever.
                thread::spawn(move || lines.read_to_end(&mut Vec::new()));
                return Ok(serving);
            }
        }
        Err(format!("{name} does not serve:\n{printed}").into())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
