//! `ccs-modules serve`, as a process, and `curl` as its client.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const DEMO: &str = include_str!("../../../host/src/stores/demo.json");
const ANYBODY: &str = r#"{"anonymous":["db_viewer"]}"#;

#[test]
fn a_password_is_made_up_and_shown_once() {
    let mut server = Server::start(&[]);
    assert_eq!(server.line(), "a password for this run, shown only here:");
    let curl = server.line();
    assert!(curl.starts_with("  curl -u admin@localhost:"), "{curl}");
    assert!(curl.ends_with(&server.url), "{curl}");
    let output = Command::new("sh").args(["-c", &format!("{curl} -sS")]).output().unwrap();
    assert_eq!(output.stdout, DEMO.as_bytes());

    let password = curl.split([':', ' ']).find(|word| word.len() == 32).unwrap().to_owned();
    let url = server.url.clone();
    assert_eq!(status(&["-u", "admin@localhost:guess", &url]), 401);
    assert_eq!(status(&[&url]), 401);
    let log = server.stop();
    assert!(!log.contains(&password));
    assert_ne!(password, Server::start(&[]).password(), "another one each time");
}

#[test]
fn a_generated_password_is_shown_once_and_its_entry_lets_the_user_in() {
    let generate = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
        command.arg("password").args(arguments).output().unwrap()
    };
    let output = generate(&["ann", "--role", "db_viewer", "--role", "user_manager"]);
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stderr).unwrap();
    let password = shown.strip_prefix("the password of ann, shown only here:\n  ").unwrap();
    let password = password.strip_suffix('\n').unwrap();
    assert_eq!(password.len(), 32);
    let entry = String::from_utf8(output.stdout).unwrap();
    assert!(!entry.contains(password), "{entry}");
    let value: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(value["roles"], serde_json::json!(["db_viewer", "user_manager"]));
    assert!(entry.ends_with("}\n"), "{entry}");

    let folder = TempDir::new().unwrap();
    let policy = write(&folder, "access.json", &format!("{{\"users\":[{entry}]}}"));
    let server = Server::start(&["--access", &policy]);
    assert_eq!(status(&["-u", &format!("ann:{password}"), &server.url]), 200);
    assert_eq!(status(&["-u", "ann:guess", &server.url]), 401);

    for (arguments, code, text) in [
        (&["ann", "--role", "viewer"][..], 1, "users[0].roles[0]: expected one of admin, "),
        (&["an:n", "--role", "admin"], 1, "without colons"),
        (&["ann"], 2, "--role <ROLE>"),
    ] {
        let output = generate(arguments);
        assert_eq!(output.status.code(), Some(code));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(text) && !stderr.contains("shown only here"), "{stderr}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn passwords_of_ones_own_are_put_into_a_policy_beside_the_old_ones() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("access.json");
    let into = file.to_str().unwrap();
    let put = |arguments: &[&str], password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
        let command = command.args(["password", "--stdin", "--role", "db_viewer"]).args(arguments);
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = streams.spawn().unwrap();
        process.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.stdout.is_empty() || !arguments.contains(&"--into"), "{output:?}");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for password in ["old pass:word\n", "new \u{e9}\r\nnot this line", "third"] {
        assert_eq!(put(&["ann", "--into", into], password), (Some(0), "".into()));
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let server = Server::start(&["--access", into]);
    for (password, expected) in
        [("old pass:word", 200), ("new \u{e9}", 200), ("third", 200), ("not this line", 401)]
    {
        assert_eq!(status(&["-u", &format!("ann:{password}"), &server.url]), expected);
    }

    let before = fs::read(&file).unwrap();
    let (code, text) = put(&["ann", "--into", into], "third");
    let found = "users: the user at index 3 has the name and the password of an earlier one";
    assert!(code == Some(1) && text.contains(into) && text.contains(found), "{text}");
    assert_eq!(put(&["ann", "--into", into], "\n").0, Some(1));
    assert_eq!(fs::read(&file).unwrap(), before);
    for (policy, found) in [
        (r#"{"anonymous":["none"]}"#, "it has no users"),
        (r#"{"users":1}"#, "users: a number, expected an array"),
        (r#"["mine"]"#, "an array, expected an object"),
    ] {
        let other = write(&folder, "other.json", policy);
        let (code, text) = put(&["ann", "--into", &other], "secret");
        assert!(code == Some(1) && text.contains(found), "{text}");
        assert_eq!(fs::read_to_string(other).unwrap(), policy);
    }
}

#[test]
fn without_a_policy_it_stays_on_this_machine() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let output = run(&["--listen", address]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("error: ") && stderr.contains("--access FILE"), "{stderr}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn an_ill_formed_policy_is_named_and_nothing_is_served() {
    let folder = TempDir::new().unwrap();
    for (policy, text) in [
        (r#"{"users":[{"name":"ann","password":"secret"}]}"#, "users[0]"),
        (r#"{"trusted_header":"x roles"}"#, "trusted_header"),
        (r#"{"anonymous":["db_viewr"]}"#, "anonymous[0]: expected one of admin, "),
        ("", "line 1, column 1"),
    ] {
        let path = write(&folder, "access.json", policy);
        let output = run(&["--access", &path]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&path) && stderr.contains(text), "{stderr}");
        assert!(!stderr.contains("secret"), "{stderr}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn options_of_serve_are_checked() {
    for (arguments, code, text) in [
        (&["--listen", "localhost"][..], 2, "--listen"),
        (&["--listen", "256.0.0.1:1"], 2, "--listen"),
        (&["--store", "nothing"], 2, "file:PATH"),
        (&["--access", "/nowhere/access.json"], 1, "/nowhere/access.json"),
        (&["--tls-cert", "/nowhere/cert.pem"], 2, "--tls-key"),
        (&["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"], 1, "/nowhere/"),
        (&["--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"], 2, "--tls-self-signed"),
        (&["--component", "--max-instances", "0"], 2, "--max-instances"),
        (&["--refresh", "1"], 2, "500ms, 30s or 2m"),
        (&["--refresh", "25h"], 2, "1ms to 24h"),
        (&["--stale-if-error", "0s"], 2, "--stale-if-error"),
        (&["--stale-if-error", "367d"], 2, "--stale-if-error"),
        (&["--request-timeout", "0s"], 2, "--request-timeout"),
        (&["--request-timeout", "10"], 2, "500ms, 30s or 2m"),
        (&["--store-timeout", "x"], 2, "--store-timeout"),
        (&["--client-timeout", "25h"], 2, "--client-timeout"),
        (&["--log", "loud"], 2, "--log"),
        (&["--page", "/nowhere/page"], 1, "cannot read /nowhere/page"),
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(text), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_name_is_listened_on() {
    let server = Server::start(&["--listen", "localhost:0", "--metrics", "localhost:0"]);
    assert_eq!(status(&[&server.url]), 401);
    let output = run(&["--listen", "nowhere.invalid:0"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: cannot resolve nowhere.invalid: "), "{stderr}");
}

#[test]
fn an_address_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in
        [&["--listen", &*address][..], &["--listen", "127.0.0.1:0", "--metrics", &address]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("cannot listen on {address}")), "{stderr}");
    }
}

#[test]
fn curl_is_served_over_tls_and_http_2() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let server = Server::start(&["--access", &access, "--tls-self-signed"]);
    assert!(server.url.starts_with("https://"));
    for protocol in ["--http1.1", "--http2"] {
        assert_eq!(curl(&["-k", protocol, &server.url]).stdout, DEMO.as_bytes());
    }
    let refused = curl(&[&server.url]);
    assert_eq!(refused.status.code(), Some(60), "not a certificate to be trusted");
    let log = server.stop();
    assert!(log.contains("status=200"), "{log}");
}

#[test]
fn serve_prints_the_curl_command_for_its_certificate() {
    let mut server = Server::start(&["--tls-self-signed"]);
    server.line();
    let curl = server.line();
    assert!(curl.starts_with("  curl -k -u admin@localhost:"), "{curl}");
    let output = Command::new("sh").args(["-c", &format!("{curl} -sS")]).output().unwrap();
    assert_eq!(output.stdout, DEMO.as_bytes());
}

#[test]
fn the_habits_of_scripts_are_met() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let modules = write(&folder, "modules.json", "[]\n");
    let store = format!("file:{modules}");
    let server = Server::start(&["--access", &access, "--store", &store, "--refresh", "10ms"]);
    assert_eq!(curl(&[&server.url]).stdout, b"[]\n");

    let unordered =
        r#"[ {"version": 20811, "semantic_version": "2.8.11", "uid": "1", "module_name": "bf"} ]"#;
    write(&folder, "modules.json.new", unordered);
    fs::rename(folder.path().join("modules.json.new"), &modules).unwrap();
    let ordered =
        b"[{\"module_name\":\"bf\",\"semantic_version\":\"2.8.11\",\"uid\":\"1\",\"version\":20811}]\n";
    until(|| curl(&["-H", "content-type: application/json", &server.url]).stdout == ordered);
}

#[test]
fn a_file_is_served_with_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    for name in ["7.2.json", "7.22.json", "8.x.json"] {
        let path = crate::support::text::folder().join("bodies").join(name);
        let store = format!("file:{}", path.display());
        let server = Server::start(&["--access", &access, "--store", &store]);
        assert!(curl(&[&server.url]).stdout == fs::read(&path).unwrap(), "{name} is another");
    }
}

#[test]
fn a_page_is_offered_beside_the_modules() {
    let folder = TempDir::new().unwrap();
    write(&folder, "index.html", "<title>modules</title>");
    let policy = write(&folder, "access.json", ANYBODY);
    let page = folder.path().to_str().unwrap();
    let mut server = Server::start(&["--page", page, "--access", &policy]);
    let url = server.line().strip_prefix("page ").unwrap().to_owned();
    assert_eq!(format!("{url}v1/modules"), server.url);
    assert_eq!(curl(&[&url]).stdout, b"<title>modules</title>");
}

#[test]
fn metrics_and_probes_are_for_curl_too() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let mut server = Server::start(&["--access", &access, "--metrics", "127.0.0.1:0"]);
    let line = server.line();
    let metrics = line.strip_prefix("metrics ").unwrap();
    let base = server.url.strip_suffix("/v1/modules").unwrap();
    curl(&[&server.url]);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(curl(&[&format!("{base}{probe}")]).stdout, b"ok\n");
    }
    let text = String::from_utf8(curl(&[metrics]).stdout).unwrap();
    assert!(text.contains("ccs_modules_http_requests_total{status=\"200\"} 1\n"), "{text}");
    assert_eq!(status(&[&format!("{base}/metrics")]), 404);
}

#[test]
fn the_log_is_for_programs_and_holds_no_credentials() {
    let folder = TempDir::new().unwrap();
    let policy = r#"{"users":[{"name":"ann","roles":["db_viewer"],"password_sha256":
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}"#;
    let access = write(&folder, "access.json", policy);
    let server = Server::start(&["--access", &access, "--log", "trace", "--log-format", "json"]);
    let url = server.url.clone();
    let in_target = url.replace("http://", "http://ann:secret@");
    assert_eq!(status(&["-u", "ann:secret", &url]), 200);
    assert_eq!(status(&["-u", "ann:secret", "--request-target", &in_target, &url]), 200);
    assert_eq!(status(&["-u", "ann:Secret", &url]), 401);
    assert_eq!(status(&["--http2-prior-knowledge", "-u", "ann:secret", &url]), 200);
    let log = server.stop();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line["message"] == "request").collect();
    let statuses: Vec<_> = requests.iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, [200, 200, 401, 200]);
    for line in requests {
        assert_eq!(line["method"], "GET");
        assert_eq!(line["path"], "/v1/modules");
        assert!(line["microseconds"].is_u64() && line["timestamp"].is_string(), "{line}");
    }
    for secret in ["ecret", "YW5uOnNlY3JldA", "2bb80d53", "authorization"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[test]
fn a_log_that_nobody_reads_delays_no_request() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let server = Server::start(&["--access", &access]);
    // The lines are far more than what a pipe takes.
    let urls = format!("{}?x=[1-3000]", server.url);
    let output = curl(&["-o", "/dev/null", "-w", "%{http_code}\n", &urls]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "200\n".repeat(3000));
    server.stop();
}

#[test]
fn line_breaks_in_values_are_escaped_in_the_log() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let uid = r"a\nINFO a line of its own\u001b[2J";
    let store = write(&folder, "m.json", &format!(r#"[{{"uid":"{uid}","version":"x"}}]"#));
    let server = Server::start(&["--access", &access, "--store", &store]);
    assert_eq!(status(&[&server.url]), 500);
    let log = server.stop();
    assert!(log.contains("a line of its own"), "{log}");
    assert!(!log.contains("\nINFO a line of its own") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_failed_request_is_logged_with_its_cause_once() {
    let folder = TempDir::new().unwrap();
    let policy = r#"{"users":[{"name":"ann","roles":["db_viewer"],"password_sha256":
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}"#;
    let access = write(&folder, "access.json", policy);
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("traceparent: 00-{trace_id}-b7ad6b7169203331-01");
    let missing = folder.path().join("missing.json").display().to_string();
    for (store, body, code, cause) in [
        (
            "malformed.json",
            r#"[{"uid":"a","version":"x"}]"#,
            500,
            "document \"a\": field version: ",
        ),
        ("broken.json", "[{", 500, "broken.json, line 1, column 2: "),
        ("missing.json", "", 503, missing.as_str()),
    ] {
        let store = match body {
            "" => missing.clone(),
            body => write(&folder, store, body),
        };
        for mode in [&[][..], &["--component"]] {
            let options = ["--access", &access, "--store", &store, "--log-format", "json"];
            let server = Server::start(&[&options[..], mode].concat());
            let url = server.url.clone();
            assert_eq!(status(&["-u", "ann:secret", "-H", &traceparent, &url]), code, "{store}");
            let log = server.stop();
            let lines: Vec<Value> =
                log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let with = |message: &str| -> Vec<&Value> {
                lines.iter().filter(|line| line["message"] == message).collect()
            };
            let failed = with("request failed");
            assert_eq!(failed.len(), 1, "{log}");
            assert!(failed[0]["reason"].as_str().unwrap().contains(cause), "{log}");
            assert_eq!(failed[0]["status"], code);
            let request = with("request")[0];
            assert_eq!(request["user"], "ann");
            assert!(request["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{request}");
            for line in [failed[0], request] {
                assert_eq!(line["trace_id"], trace_id);
            }
        }
    }
}

#[test]
fn a_policy_is_read_again_when_it_changes_and_a_bad_one_is_not_taken() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let server = Server::start(&["--access", &access]);
    let url = server.url.clone();
    assert_eq!(status(&[&url]), 200);
    let replace = |text: &str| fs::rename(write(&folder, "new.json", text), &access).unwrap();

    replace(r#"{"trusted_header":"x-roles"}"#);
    until(|| status(&[&url]) == 401);
    replace(r#"{"anonymous":["viewer"]}"#);
    server.send("HUP");
    let in_force = || status(&["-H", "x-roles: db_viewer", &url]) == 200 && status(&[&url]) == 401;
    assert!(in_force());
    fs::remove_file(&access).unwrap();
    assert!(in_force());
    replace(ANYBODY);
    until(|| status(&[&url]) == 200);
    let log = server.stop();
    for text in [
        "the access policy was read again",
        "the access policy stays as it was",
        "anonymous[0]: expected one of admin, ",
    ] {
        assert!(log.contains(text), "{text} is not in {log}");
    }
}

#[test]
fn a_certificate_is_read_again_when_it_changes_and_a_bad_one_is_not_taken() {
    let folder = TempDir::new().unwrap();
    let access = write(&folder, "access.json", ANYBODY);
    let make = || {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let (first, second) = (make(), make());
    let (cert, key) = (write(&folder, "cert.pem", &first.0), write(&folder, "key.pem", &first.1));
    let trusted = [write(&folder, "first.pem", &first.0), write(&folder, "second.pem", &second.0)];
    let server = Server::start(&["--access", &access, "--tls-cert", &cert, "--tls-key", &key]);
    let url = server.url.clone();
    let serves = |index: usize| status(&["--cacert", &trusted[index], &url]) == 200;
    assert!(serves(0) && !serves(1));

    fs::write(&cert, "none").unwrap();
    server.send("HUP");
    assert!(serves(0));
    fs::write(&key, &second.1).unwrap();
    fs::write(&cert, &second.0).unwrap();
    until(|| serves(1));
    assert!(!serves(0));
    let log = server.stop();
    for text in ["the certificate stays as it was", "the certificate was read again", &cert] {
        assert!(log.contains(text), "{text} is not in {log}");
    }
    assert!(!log.contains("PRIVATE"), "{log}");
}

/// Waits until the condition is met.
fn until(mut is_met: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_met() {
        assert!(started.elapsed().as_secs() < 60, "it does not come");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn sigint_and_sigterm_end_serve() {
    for signal in ["INT", "TERM"] {
        let mut server = Server::start(&[]);
        let log = server.signal(signal);
        assert!(log.contains("stopping"), "{log}");
    }
}

/// A server whose address is known. It ends when this is dropped.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
    url: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments);
        if !arguments.contains(&"--listen") {
            child.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = child.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        let mut server = Self { child, stdout, stderr, url: String::new() };
        let line = server.line();
        server.url = match line.strip_prefix("serving ") {
            Some(url) => url.to_owned(),
            None => {
                let greeting: Value = serde_json::from_str(&line).expect("JSON");
                greeting["serving"].as_str().unwrap().to_owned()
            }
        };
        server
    }

    /// The next line of its log.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    fn password(&mut self) -> String {
        self.line();
        self.line().split([':', ' ']).find(|word| word.len() == 32).unwrap().to_owned()
    }

    /// Stops the server, and returns its log.
    fn stop(mut self) -> String {
        self.signal("TERM")
    }

    /// Sends a signal that does not end the server.
    fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    fn signal(&mut self, signal: &str) -> String {
        self.send(signal);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let mut log = String::new();
        self.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    crate::command::command(&[&["serve"], arguments].concat())
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl").args(["-sS", "--noproxy", "*"]).args(arguments).output().unwrap()
}

fn status(arguments: &[&str]) -> u16 {
    let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}"];
    all.extend(arguments);
    String::from_utf8(curl(&all).stdout).unwrap().parse().unwrap()
}

/// Writes a file and returns its path.
fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path: &Path = &folder.path().join(name);
    fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
