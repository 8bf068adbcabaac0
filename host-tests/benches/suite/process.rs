//! Other programs: commands that end, and servers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
        let (reader, writer) = io::pipe()?;
        let errors = writer.try_clone()?.into();
        Self::announced(command, reader, writer, errors)
    }

    /// The same for a server that logs to standard error, which is written to a file.
    pub fn start_logging(command: &mut Command, log: &Path) -> Outcome<Self> {
        let (reader, writer) = io::pipe()?;
        Self::announced(command, reader, writer, File::create(log)?.into())
    }

    /// Starts a server at this address, and waits until it accepts connections.
    pub fn at(command: &mut Command, address: String) -> Outcome<Self> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let mut serving = Self { child: spawned(command.stdout(Stdio::null()))?, address };
        let begun = Instant::now();
        while let Err(error) = TcpStream::connect(&serving.address) {
            let ended = serving.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let name = command.get_program().display();
                return Err(format!("{name} does not serve at {}: {error}", serving.address).into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(serving)
    }

    /// Waits until the server has ended by itself.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }

    fn announced(
        command: &mut Command,
        reader: PipeReader,
        writer: PipeWriter,
        errors: Stdio,
    ) -> Outcome<Self> {
        let name = command.get_program().display().to_string();
        let child = spawned(command.stdout(writer).stderr(errors));
        // Without this the command would keep the writing ends, and the pipe would not end with the
        // server.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut serving = Self { child: child?, address: String::new() };
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

fn spawned(command: &mut Command) -> Outcome<Child> {
    let name = command.get_program().display().to_string();
    let child = command.stdin(Stdio::null()).spawn();
    child.map_err(|error| format!("cannot start {name}: {error}").into())
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
