//! The command, as a process.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ccs_modules_host::artifacts;
use serde_json::Value;
use tempfile::TempDir;

const DEMO: &str = include_str!("../../../host/src/stores/demo.json");
const BLOOM: &str = "b14385b09778a335835ee3ae380bbc77";

#[test]
fn without_arguments_it_lists_the_demonstration_catalog() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 17);
    assert_eq!(lines[0], ["UID", "MODULE", "VERSION", "NAME", "NEEDS", "REDIS"]);
    assert_eq!(lines[1], [BLOOM, "bf", "8.0.1", "RedisBloom", "7.4"]);
    assert_eq!(output.stderr, b"");
    assert_eq!(run(&["list"]).stdout, text.as_bytes());
}

#[test]
fn json_is_the_body_of_the_api() {
    let output = run(&["list", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, DEMO.as_bytes());

    let output = run(&["get", BLOOM, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(DEMO.contains(text.strip_suffix('\n').unwrap()));
}

#[test]
fn a_server_s_body_comes_out_as_it_went_in() {
    for name in ["7.2.json", "7.22.json", "8.x.json"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-tests/cases/bodies").join(name);
        let store = format!("file:{}", path.display());
        let output = run(&["list", "--format", "json", "--store", &store]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout == fs::read(&path).unwrap(), "{name} comes out differently");
    }
}

#[test]
fn one_module_is_shown_field_by_field() {
    let output = run(&["get", BLOOM]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line[name.len()..].trim())
    };
    assert_eq!(row("uid"), Some(BLOOM));
    assert_eq!(row("display_name"), Some("RedisBloom"));
    assert_eq!(row("version"), Some("80001"));
    assert_eq!(row("config_command"), None);
}

#[test]
fn a_uid_may_have_any_characters() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let body = r#"[{"module_name":"own","uid":"a/b %2F é?#"}]"#;
    fs::write(&path, format!("{body}\n")).unwrap();
    let store = format!("file:{}", path.display());
    let output = run(&["get", "a/b %2F é?#", "--store", &store, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{}\n", &body[1..body.len() - 1])
    );
}

#[test]
fn options_stand_after_the_command() {
    let one = run(&["get", BLOOM, "--format", "json"]);
    assert_eq!(one.status.code(), Some(0));
    assert_eq!(run(&["get", "--format", "json", BLOOM]).stdout, one.stdout);
    let refused = run(&["--format", "json", "get", BLOOM]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("'get' cannot be used with '--format"), "{refused:?}");
}

#[test]
fn the_catalog_may_come_through_a_pipe() {
    for store in ["-", "/dev/stdin"] {
        for arguments in [&["get", "search@2.10"][..], &["list"], &["find", "search"]] {
            let output = run_with(&[arguments, &["--store", store]].concat(), DEMO);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        }
    }
}

#[test]
fn a_display_name_leads_to_the_name() {
    for arguments in [["find", "RediSearch"], ["get", "redisearch"]] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains(": its name is search"), "{output:?}");
    }
    assert!(!text(&run(&["find", "nothing"]).stderr).contains("its name"));
}

#[test]
fn modules_of_one_version_are_told_apart_by_uid() {
    let modules = r#"[{"module_name":"bf","semantic_version":"1.0.0","uid":"a"},
        {"module_name":"bf","semantic_version":"1.0.0","uid":"b"},
        {"module_name":"bf","semantic_version":"0.9.0","uid":"c"}]"#;
    let output = run_with(&["get", "bf", "--store", "-"], modules);
    let expected = "error: bf names 3 modules, say which one: a, b, bf@0.9.0\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected));
}

#[test]
fn the_choices_of_fits_come_with_their_reasons() {
    let output = run(&["list", "--fits", "7.4", "--format", "reasons"]);
    assert_eq!(output.status.code(), Some(0));
    let records: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(records[0]["module_name"], "bf");
    assert_eq!(records[0]["chosen"]["semantic_version"], "2.8.7");
    assert_eq!(records[0]["chosen"]["rule"], "compatible_redis_version");
    assert_eq!(records[0]["others"][0]["semantic_version"], "8.0.1");
    assert!(records[0]["others"][0]["reason"].is_string());

    for arguments in
        [&["list", "--format", "reasons"][..], &["list", "--fits", "7", "--format", "json"]]
    {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_a_failure_with_the_command_s_code() {
    for (arguments, code) in [(&["list"][..], 1), (&["diff", "demo", "demo.json"], 2)] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("demo.json"), "[]").unwrap();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(arguments);
        let output = command.current_dir(folder.path()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[cfg(unix)]
#[test]
fn credentials_that_are_not_utf_8_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;

    let mut list = command(&["list", "--store", "http://127.0.0.1:1"]);
    let password = std::ffi::OsStr::from_bytes(b"\xff");
    list.env("REDIS_ENTERPRISE_USER", "ann").env("REDIS_ENTERPRISE_PASSWORD", password);
    let output = list.output().unwrap();
    let expected = "error: the variable REDIS_ENTERPRISE_PASSWORD is not UTF-8\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected));
}

#[cfg(unix)]
#[test]
fn a_file_is_written_through_a_link_that_points_to_nothing() {
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink("target.json", &link).unwrap();
    let output = run(&["export", "--store", "demo", "-o", link.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(folder.path().join("target.json")).unwrap(), DEMO);
}

#[test]
fn a_store_that_looks_like_a_file_is_one() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("modules.json"), DEMO).unwrap();
    fs::write(folder.path().join("modules"), DEMO).unwrap();
    for store in ["modules.json", "./modules", "file:modules", "file:modules.json"] {
        let output = command(&["list", "--format", "json", "--store", store])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.stdout == DEMO.as_bytes(), "{store}: {output:?}");
    }
}

#[test]
fn a_document_does_not_control_the_terminal() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let store = path.to_str().unwrap();
    let document =
        r#"{"display_name":"\u001b[2J\u009b2J\r\nb\u202e","module_name":"m","uid":"u\u001b"}"#;
    fs::write(&path, format!("[{document}]")).unwrap();
    let shown = r"\u001b[2J\u009b2J\u000d\nb\u202e";
    for arguments in [&["list", "--store", store][..], &["get", "u\u{1b}", "--store", store]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(shown), "{text:?}");
        assert!(!text.contains(|character: char| character.is_control() && character != '\n'));
    }
    fs::write(&path, format!("[{document},{document}]")).unwrap();
    let output = run(&["list", "--store", store]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn exit_codes_are_as_documented() {
    for (arguments, code, text) in [
        (&["--store", "file:/nowhere/modules.json"][..], 1, "/nowhere/modules.json"),
        (&["--store", "file:/nowhere/m.json", "--format", "json"], 1, "/nowhere/m.json"),
        (&["--store", "file:nothere.json"], 1, "cannot read nothere.json: there is no such file\n"),
        (&["--store", "nothing"], 2, "file:PATH"),
        (&["list", "--nothing"], 2, "--nothing"),
        (&["export", "--output", "json"], 2, "--output"),
        (
            &["compose", "Cargo.toml", "Cargo.toml", "-o", "x"],
            1,
            "the first file is not a WebAssembly component",
        ),
        (&["get"], 2, "<UID|NAME[@VERSION]>"),
        (&["get", "nothing"], 3, "no module"),
        (&["get", "nothing", "--format", "json"], 3, "no module"),
        (&["get", ""], 3, "no module"),
        (&["get", "", "--format", "json"], 3, "no module"),
        (&["--role", "none"], 4, "view_cluster_modules"),
        (&["--role", "none", "--format", "json"], 4, "view_cluster_modules"),
        (&["get", "nothing", "--role", "none"], 4, "view_cluster_modules"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
        assert!(stderr.contains(text), "{arguments:?}: {stderr}");
    }
}

#[test]
fn one_role_with_the_permission_is_enough() {
    let output = run(&["--role", "none", "--role", "db_viewer"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn artifacts_are_written() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("new");
    let output = run(&["artifacts", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let shipped = artifacts::all().unwrap();
    for artifact in &shipped {
        assert!(fs::read(folder.join(artifact.name)).unwrap() == *artifact.wasm);
        assert!(text.contains(artifact.name));
        assert!(text.contains(&format!("{} bytes", artifact.wasm.len())));
        let bill = folder.join(artifact.name.replace(".wasm", ".cdx.json"));
        assert_eq!(fs::read_to_string(bill).unwrap(), artifact.bill_of_materials());
    }
    let digests: String = shipped
        .iter()
        .map(|artifact| format!("{}  {}\n", artifact.sha256(), artifact.name))
        .collect();
    assert_eq!(fs::read_to_string(folder.join("SHA256SUMS")).unwrap(), digests);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command(&["list", "--format", "json"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn code_is_kept_and_never_trusted_blindly() {
    let cache = TempDir::new().unwrap();
    let list = || {
        let mut command = command(&[]);
        command.env("XDG_CACHE_HOME", cache.path()).output().unwrap()
    };
    let first = list();
    assert_eq!(first.status.code(), Some(0));
    assert_eq!(first.stderr, b"", "progress is for terminals");
    let kept = files(&cache.path().join("ccs-modules"));
    assert!(!kept.is_empty());
    for path in kept {
        fs::write(path, "not code").unwrap();
    }
    let second = list();
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(second.stdout, first.stdout);
}

#[cfg(unix)]
#[test]
fn code_is_not_kept_where_a_link_leads() {
    let (cache, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::os::unix::fs::symlink(other.path(), cache.path().join("ccs-modules")).unwrap();
    let output = command(&[]).env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(files(other.path()), [] as [std::path::PathBuf; 0]);
}

#[cfg(unix)]
#[test]
fn the_folder_of_kept_code_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let cache = TempDir::new().unwrap();
    let folder = cache.path().join("ccs-modules/compiled");
    let mode = || fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    for found_with in [None, Some(0o777)] {
        if let Some(mode) = found_with {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        let output = command(&[]).env("XDG_CACHE_HOME", cache.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(mode(), 0o700, "found with {found_with:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_reserves_addresses_for_one_instance() {
    let list_within = |kibibytes: &str| {
        let script = format!("ulimit -v {kibibytes} && exec \"$0\" list");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_ccs-modules")]);
        shell.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).output().unwrap()
    };
    // 4 GiB of one memory, its guard pages and the program.
    let output = list_within("8000000");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = list_within("3000000");
    assert_eq!(output.status.code(), Some(1));
    let line = text(&output.stderr);
    assert!(line.ends_with("it needs 4 GiB of addresses: `ulimit -v`)\n"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn a_cache_folder_is_not_needed() {
    let output = command(&[]).env("XDG_CACHE_HOME", "/dev/null/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs the command with this standard input.
fn run_with(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &[u8]) -> &str {
    std::str::from_utf8(output).unwrap()
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccs-modules"));
    command
        .args(arguments)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Every file in a folder, at any depth.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}
