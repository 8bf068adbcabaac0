//! Runs the example as a user does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::{fs, io};

#[test]
fn the_service_answers_as_the_api_does() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("modules.json");
    fs::write(&file, r#"[{"uid": "1", "module_name": "bf"}]"#)?;
    let mut service = Service(
        Command::new(env!("CARGO_BIN_EXE_axum-service"))
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut line = String::new();
    BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line)?;
    let address = line.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();

    let list = get(&address, "/v1/modules")?;
    assert!(list.starts_with("HTTP/1.1 200 "), "{list}");
    assert!(list.ends_with("\r\n\r\n[{\"module_name\":\"bf\",\"uid\":\"1\"}]\n"), "{list}");
    let missing = get(&address, "/v1/modules/2")?;
    assert!(missing.starts_with("HTTP/1.1 404 ") && missing.contains("module_not_exist"));
    fs::remove_file(&file)?;
    assert!(get(&address, "/v1/modules")?.starts_with("HTTP/1.1 503 "));
    Ok(())
}

fn get(address: &str, target: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// A service that ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
