//! nginx with a static file: what a user would take for a catalog that does not change.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Outcome;
use crate::process::{Serving, run};

/// A running nginx. It ends with its workers when this is dropped.
pub struct Nginx {
    serving: Serving,
    configuration: PathBuf,
}

/// Fails if nginx is missing, before anything is started for it.
pub fn require() -> Outcome<()> {
    match nginx().arg("-v").output() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(
            "nginx is missing: the Debian package is called nginx-light (apt-get install nginx-light)".into(),
        ),
        Err(error) => Err(format!("cannot run nginx: {error}").into()),
    }
}

impl Nginx {
    /// Starts nginx over this body of `GET /v1/modules`, in a folder of its own, with a worker for each core. `logs`
    /// is whether it writes a line for each request, as it does by default.
    pub fn start(folder: &Path, body: &[u8], logs: bool) -> Outcome<Self> {
        fs::create_dir_all(folder.join("root/v1"))?;
        fs::write(folder.join("root/v1/modules"), body)?;

        // The port may be taken by another program before nginx takes it. Then nginx ends, with the reason.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, text(folder, port, logs))?;
        let address = format!("127.0.0.1:{port}");
        let serving = Serving::at(nginx().arg("-c").arg(&configuration), address)?;
        Ok(Self { serving, configuration })
    }

    pub fn serving(&self) -> &Serving {
        &self.serving
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A master process that is killed leaves its workers behind, so it is asked to end.
        match run(nginx().arg("-c").arg(&self.configuration).args(["-s", "stop"])) {
            Ok(()) => self.serving.wait(),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Debian has nginx where only the path of root looks.
fn nginx() -> Command {
    let program = Path::new("/usr/sbin/nginx");
    Command::new(if program.exists() { program } else { Path::new("nginx") })
}

/// The configuration. Every path is in the folder, so that nginx needs no rights. Started by root, the workers stay
/// root, who alone may read the folder.
fn text(folder: &Path, port: u16, logs: bool) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .iter()
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .collect();
    let log = if logs { format!("{folder}/access.log") } else { "off".into() };
    format!(
        "user root;\n\
         daemon off;\n\
         worker_processes auto;\n\
         pid {folder}/pid;\n\
         error_log stderr error;\n\
         events {{}}\n\
         http {{\n\
         {temporary}    access_log {log};\n    sendfile on;\n    keepalive_requests 1000000000;\n    \
         default_type application/json;\n    \
         server {{ listen 127.0.0.1:{port}; root {folder}/root; }}\n\
         }}\n"
    )
}
